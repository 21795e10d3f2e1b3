"""ForecastTraining: forecasters trained on training series side by side, and their errors on real windows."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from hf_distill.data.series import SeriesData
from hf_distill.data.series_spec import SeriesSpec
from hf_distill.data.series_split import SeriesSplit
from hf_distill.evaluation.forecast_errors import ForecastErrors, Outcome
from hf_distill.evaluation.result import mean_std
from hf_distill.evaluation.series_contenders import SeriesContender
from hf_distill.evaluation.tuning import RecipeSearch, Setting
from hf_distill.networks.cost import step_flops
from hf_distill.networks.forecasters.base import Forecaster
from hf_distill.networks.forecasters.quantiles import QuantileForecaster
from hf_distill.seeding import Streams
from hf_distill.training.forecast_recipe import ForecastRecipe
from hf_distill.training.losses import Pinball
from hf_distill.training.trainer import train_networks

Scaled = Callable[[SeriesContender, Setting, SeriesSpec], ForecastRecipe]
"""The recipe of a training series, changed."""


@dataclass(frozen=True)
class ForecastTraining:
    """How the networks of an evaluation are trained, whatever they learn from.

    Attributes:
        spec: The series.
        seed: Of the first network: with one seed every training series has the same network and the same order.
        device: Where.
        advance: Called with the number of steps that were done.
    """

    spec: SeriesSpec
    seed: int
    device: torch.device
    advance: Callable[[int], object] = lambda steps: None

    def outcomes(
        self,
        forecaster: Forecaster,
        contenders: Mapping[str, SeriesContender],
        recipes: Mapping[str, ForecastRecipe],
        test: SeriesSplit,
        shown: Tensor,
        networks: int | None = None,
        tolerant: bool = False,
    ) -> dict[str, list[Outcome]]:
        """Return what came of every network, by the name of what it learned from.

        Args:
            forecaster: Its kind.
            contenders: The training series.
            recipes: How each is trained on.
            test: Windows to measure.
            shown: A window ``(1, L, N)`` to forecast.
            networks: Networks of each at most.
            tolerant: The errors of a forecaster that diverged are infinite, instead of an error.
        """
        places = [(name, k) for name, own in contenders.items() for k in range(len(own.sources[:networks]))]
        streams = [Streams(self.seed, step=k) for _, k in places]
        built = [
            forecaster.build(self.spec.lookback, self.spec.horizon, self.spec.num_channels, own.seed_for("network"))
            for own in streams
        ]
        sample, future = test.batch(torch.zeros(1, dtype=torch.int64))
        trained = train_networks(
            built,
            [contenders[name].sources[k] for name, k in places],
            streams,
            recipe=[_suited(recipes[name], forecaster) for name, _ in places],
            device=self.device,
            compile="never",  # which makes xPatch 1.5 times as fast and the others no faster
            progress=self.advance,
            names=[f"{forecaster.label} on the {name} data, seed {self.seed}, network {k}" for name, k in places],
            measure=ForecastErrors(test, shown, self.device),
            work=step_flops(built[0], sample.cpu(), len(test)) / 3,
            tolerant=tolerant,
        )
        lost = Outcome(math.inf, math.inf, torch.full_like(future[0], torch.nan))
        found: dict[str, list[Outcome]] = {name: [] for name in contenders}
        for (name, _), outcome, seconds in zip(places, trained.measured, trained.seconds, strict=True):
            found[name].append(replace(outcome or lost, seconds=seconds))
        return found

    def search(
        self,
        tuning: RecipeSearch,
        forecaster: Forecaster,
        contenders: Mapping[str, SeriesContender],
        scaled: Scaled,
        real: SeriesData,
    ) -> dict[str, tuple[Setting, float]]:
        """Return for each training series the change of the recipe with the lowest error on the validation rows.

        Raises:
            UserError: There are no validation rows.
        """
        values, spec = real.validation.values, self.spec
        every = max(1, -(-len(real.validation) // tuning.rows))
        held = SeriesSplit(values, spec.lookback, spec.horizon, every, self.device)
        shown = held.batch(torch.zeros(1, dtype=torch.int64))[0]

        def measure(setting: Setting) -> dict[str, float]:
            recipes = {name: scaled(own, setting, spec) for name, own in contenders.items()}
            found = self.outcomes(forecaster, contenders, recipes, held, shown, tuning.networks, tolerant=True)
            return {name: -statistics.fmean(own.mse for own in group) for name, group in found.items()}

        return tuning.run(list(contenders), measure)


def _suited(recipe: ForecastRecipe, forecaster: Forecaster) -> ForecastRecipe:
    """Return the recipe for a forecaster: quantiles have a loss of their own."""
    return recipe.changed(loss=Pinball()) if isinstance(forecaster, QuantileForecaster) else recipe


def series_row(
    network: str, found: Mapping[str, list[Outcome]], contenders: Mapping[str, SeriesContender], seeds: int
) -> dict[str, Any]:
    """Return the row of one network."""
    scores = {
        name: {
            "mse": [own.mse for own in group],
            "mae": [own.mae for own in group],
            "pinball": [own.pinball for own in group if own.pinball is not None],
            "seconds": [own.seconds for own in group],
        }
        for name, group in found.items()
    }
    row: dict[str, Any] = {"network": network, "metric": "mse", "seeds": seeds, "sets": 1}
    row |= contenders["distilled"].size()
    errors = [("mse", ""), ("mae", "mae_"), *([("pinball", "pinball_")] if scores["distilled"]["pinball"] else [])]
    for name, prefix in (("distilled", ""), ("random", "random_"), ("full", "full_")):
        for key, place in errors:
            mean, std = mean_std(scores[name][key]) if name in scores else (None, None)
            row |= {f"{prefix}{place}mean": mean, f"{prefix}{place}std": std}
        row[f"{prefix}seconds"] = mean_std(scores[name]["seconds"])[0] if name in scores else None
    random, full = row["random_mean"], row["full_mean"]
    if random is not None and full is not None and random > full:
        row["gap_closed"] = (random - row["mean"]) / (random - full)
    if row["full_seconds"]:
        row["training_speedup"] = row["full_seconds"] / row["seconds"]
    row["baselines"] = {}
    for name, own in contenders.items():
        if name not in ("distilled", "full"):
            mean, std = mean_std(scores[name]["mse"])
            row["baselines"][name] = {"mean": mean, "std": std, **own.size()}
    return row
