"""ForecastingEvaluator: the error of forecasters that are trained on a published series."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import torch
from torch import Tensor
from typing_extensions import Self

from hf_distill.data.series import SeriesData
from hf_distill.data.series_spec import SeriesSpec
from hf_distill.data.series_split import SeriesSplit
from hf_distill.errors import UserError
from hf_distill.evaluation.base import Evaluator
from hf_distill.evaluation.forecast_pictures import forecast_pictures, shown_window
from hf_distill.evaluation.forecasting_recipe import ForecastRecipe, Trial, Windows, run_trials
from hf_distill.evaluation.published import learned_rate, read_published
from hf_distill.evaluation.result import Evaluation, mean_std
from hf_distill.hub.artifact import DistilledDataset
from hf_distill.networks.cost import find_device
from hf_distill.networks.forecasters.base import Forecaster
from hf_distill.networks.forecasters.dlinear import DLinear
from hf_distill.networks.forecasters.itransformer import ITransformer
from hf_distill.networks.forecasters.xpatch import XPatch
from hf_distill.options import Device, Few, PositiveInt, Range, Seed
from hf_distill.progress import progress_bar
from hf_distill.seeding import Streams

_Scores = dict[str, dict[str, list[float]]]


class ForecastingEvaluator(Evaluator):
    """Mean squared error, and mean absolute error beside it, over all windows of the test rows, z-scored.

    The random baseline is a contiguous piece of the real training series that takes as many bits as the set, a fresh
    draw for each of many networks: single draws differ much. ``gap_closed`` is the share of the way from its mean to
    the full data, ``(random - distilled) / (random - full)``. ``training_speedup`` is the mean training time on the
    full series over that on the set, each by the recipe; testing is in neither. The result's pictures show forecasts of
    the first network of each kind and source on the window in the middle of the test rows.

    Args:
        networks: Forecasters; by default DLinear, iTransformer and xPatch.
        seeds: Networks of each kind that are trained on the set.
        start: Train as many on what the method started from too, where that is known.
        random_draws: Random pieces, one network each; 0 leaves the baseline out.
        full_seeds: Networks that are trained on the full training rows; 0 leaves them out.
        recipe: How all of them are trained; null for ``ForecastRecipe`` as it is.
        learned_rate: Train on the set with the learning rate that was learned with it; all else is trained by the
            recipe.
        size: The config whose bits the random pieces may take: ``default``, the published values, or ``codes``, the
            stored variables, of which a sparse spectrum has far fewer; its random pieces take 32 bits a value.
        test_stride: Time steps between test windows; 1 measures all of them, as published figures do.
        seed: Seed of the first network; the others follow from it.
        device: ``auto`` takes a GPU where there is one.
    """

    def __init__(
        self,
        *,
        networks: list[Forecaster] | None = None,
        seeds: Few = 5,
        start: bool = True,
        random_draws: Annotated[int, Range(0, 10_000)] = 10,
        full_seeds: Annotated[int, Range(0, 10_000)] = 1,
        recipe: ForecastRecipe | None = None,
        learned_rate: bool = False,
        size: Literal["default", "codes"] = "default",
        test_stride: PositiveInt = 1,
        seed: Seed = 0,
        device: Device = "auto",
    ) -> None:
        self.networks = networks
        self.seeds = seeds
        self.start = start
        self.random_draws = random_draws
        self.full_seeds = full_seeds
        self.recipe = ForecastRecipe() if recipe is None else recipe
        self.learned_rate = learned_rate
        self.size = size
        self.test_stride = test_stride
        self.seed = seed
        self.device = device

    def alone(self) -> Self:
        """See :class:`Evaluator`."""
        other = copy.copy(self)
        other.start, other.random_draws, other.full_seeds = False, 0, 0
        return other

    def evaluate(
        self,
        artifact: str | Path | DistilledDataset,
        real: SeriesData,
        output: str | Path | None = None,
        progress: bool = True,
        start: DistilledDataset | None = None,
    ) -> Evaluation:
        """See :class:`Evaluator`."""
        device = find_device(self.device)
        distilled = read_published(artifact)
        real.setup(device)
        spec = distilled.spec
        check_series_match(spec, real.spec)
        rate = learned_rate(distilled) if self.learned_rate else None
        bits = distilled.bits[self.size].total
        rows = random_rows(spec, bits, self.size, real.train)
        sources = self._sources(distilled.x.to(device), real, rows)
        if self.start and start is not None:
            sources["start"] = [Windows(start.x.to(device), spec.lookback, spec.horizon)] * self.seeds
        networks = self.networks or [DLinear(), ITransformer(), XPatch()]
        steps = {name: self.recipe.total_steps(len(group[0]), spec.num_channels) for name, group in sources.items()}
        test = SeriesSplit(real.test.values, spec.lookback, spec.horizon, self.test_stride, device)
        results = []
        forecasts: dict[str, dict[str, Tensor]] = {}
        total = len(networks) * sum(steps[name] * len(group) for name, group in sources.items())
        with progress_bar(total, "evaluating", "step", disable=not progress) as bar:
            for network in networks:
                bar.set_postfix_str(network.label)
                shown = forecasts.setdefault(network.label, {})
                scores = self._measure(network, sources, spec, test, device, shown, bar.update, rate)
                results.append(self._row(network, scores, spec, bits, rows))
                if rate is not None:
                    results[-1]["learned_rate"] = rate
                if start is not None and "start" in scores:
                    mean, std = mean_std(scores["start"]["mse"])
                    size = {"samples": len(start), "bits": start.bits[self.size].total}
                    results[-1]["baselines"]["start"] = {"mean": mean, "std": std, **size}
        evaluation = Evaluation(
            self._protocol(networks, real, test, steps, rows), results, forecast_pictures(forecasts, test, spec)
        )
        if output is not None:
            evaluation.save(output)
        return evaluation

    def _sources(self, x: Tensor, real: SeriesData, rows: int) -> dict[str, list[Windows | SeriesSplit]]:
        """Return what is trained on: a source for each network under each name."""
        spec = real.spec
        published: Windows | SeriesSplit = Windows(x, spec.lookback, spec.horizon)
        sources = {"distilled": [published] * self.seeds}
        if self.random_draws:
            pieces = [
                real.train.piece(rows, Streams(self.seed, step=k).generator("random")) for k in range(self.random_draws)
            ]
            sources["random"] = [Windows(piece, spec.lookback, spec.horizon) for piece in pieces]
        if self.full_seeds:
            sources["full"] = [real.train] * self.full_seeds
        return sources

    def _measure(
        self,
        forecaster: Forecaster,
        sources: dict[str, list[Windows | SeriesSplit]],
        spec: SeriesSpec,
        test: SeriesSplit,
        device: torch.device,
        shown: dict[str, Tensor],
        advance: Callable[[int], object],
        rate: float | None = None,
    ) -> _Scores:
        """Return ``mse``, ``mae`` and training ``seconds`` of every network, by the name of its source.

        The first network of each source leaves its forecast of one window in ``shown``; ``rate`` is the set's own.
        """
        trials, places = [], []
        for name, group in sources.items():
            for k, source in enumerate(group):
                streams = Streams(self.seed, step=k)
                network = forecaster.build(spec.lookback, spec.horizon, spec.num_channels, streams.seed_for("network"))
                label = f"{forecaster.label} on the {name} data, seed {self.seed}, network {k}"
                trials.append(Trial(network, source, streams, label, rate if name == "distilled" else None))
                places.append((name, k))
        outcomes = run_trials(trials, test, shown_window(test)[0], self.recipe, device, advance)
        scores: _Scores = {}
        for (name, k), outcome in zip(places, outcomes, strict=True):
            own = scores.setdefault(name, {"mse": [], "mae": [], "seconds": []})
            own["seconds"].append(outcome.seconds)
            own["mse"].append(outcome.mse)
            own["mae"].append(outcome.mae)
            if k == 0:
                shown[name] = outcome.forecast
        return scores

    def _row(self, network: Forecaster, scores: _Scores, spec: SeriesSpec, bits: int, rows: int) -> dict[str, Any]:
        row: dict[str, Any] = {"network": network.label, "metric": "mse", "seeds": self.seeds, "bits": bits}
        for name, prefix in (("distilled", ""), ("random", "random_"), ("full", "full_")):
            for key, place in (("mse", ""), ("mae", "mae_")):
                values = scores[name][key] if name in scores else None
                mean, std = mean_std(values) if values else (None, None)
                row |= {f"{prefix}{place}mean": mean, f"{prefix}{place}std": std}
            row[f"{prefix}seconds"] = mean_std(scores[name]["seconds"])[0] if name in scores else None
        random, full = row["random_mean"], row["full_mean"]
        if random is not None and full is not None and random > full:
            row["gap_closed"] = (random - row["mean"]) / (random - full)
        if row["full_seconds"]:
            row["training_speedup"] = row["full_seconds"] / row["seconds"]
        row["baselines"] = {}
        if random is not None:
            taken = rows * _bits_per_row(spec, self.size)
            row["baselines"]["random"] = {"mean": random, "std": row["random_std"], "samples": rows, "bits": taken}
        return row

    def _protocol(
        self,
        networks: Sequence[Forecaster],
        real: SeriesData,
        test: SeriesSplit,
        steps: dict[str, int],
        rows: int,
    ) -> dict[str, Any]:
        spec = real.spec
        windows = "all windows" if self.test_stride == 1 else f"every window that starts {self.test_stride} steps on,"
        return {
            "reads": "config default of the published files",
            "reported": "last step",
            "errors": f"of z-scored values (statistics of the training rows), over {windows} of the test rows",
            "seconds": "training alone: the set and the full series each by the recipe, with the steps below",
            "std": "sample standard deviation over the networks",
            "random": f"a piece of {rows} real time steps, a fresh draw for each network",
            "random_draws": self.random_draws,
            "full_seeds": self.full_seeds,
            "equal_bits": f"config {self.size}",
            "lookback": spec.lookback,
            "horizon": spec.horizon,
            "test_rows": [spec.rows("test").start, spec.rows("test").stop],
            "test_windows": len(test),
            "test_stride": self.test_stride,
            "steps": steps,
            "windows_a_step": self.recipe.batch(spec.num_channels),
            "networks": [network.config() for network in networks],
            "recipe": self.recipe.config(),
            "learned_rate": self.learned_rate,
            "seed": self.seed,
            "torch": torch.__version__,
        }


def _bits_per_row(spec: SeriesSpec, size: str) -> int:
    return spec.bits_per_row if size == "default" else 32 * spec.num_channels


def random_rows(spec: SeriesSpec, bits: int, size: str, train: SeriesSplit) -> int:
    """Return how many real time steps take so many bits: one window at least, the training rows at most."""
    return min(max(bits // _bits_per_row(spec, size), spec.window), len(train.values))


def check_series_match(distilled: SeriesSpec, real: SeriesSpec) -> None:
    """Refuse data that the series was not made from.

    Raises:
        UserError: One of them is no series, or channels, window or statistics differ.
    """
    for what, spec in (("the distilled set", distilled), ("the real data", real)):
        if not isinstance(spec, SeriesSpec):
            raise UserError(
                f"{what} is made for {spec.task} and ForecastingEvaluator measures series: take ClassificationEvaluator"
            )
    for what, own, other in (
        ("channels", distilled.channels, real.channels),
        ("look-back and horizon", (distilled.lookback, distilled.horizon), (real.lookback, real.horizon)),
    ):
        if own != other:
            raise UserError(
                f"the distilled set has the {what} {_short(own)} and the real data {_short(other)}; evaluate on the "
                "data that it was made from"
            )
    ours, theirs = (torch.tensor([spec.mean, spec.std], dtype=torch.float64) for spec in (distilled, real))
    if not torch.allclose(ours, theirs, rtol=1e-4, atol=1e-6):
        raise UserError(
            "mean and deviation of the real training rows are not those that the distilled set was made with; evaluate "
            "on the data that it was made from, with the same --data.splits"
        )


def _short(values: tuple[Any, ...]) -> str:
    text = ", ".join(map(str, values[:5]))
    return f"{text}, ... ({len(values)})" if len(values) > 5 else text
