"""ForecastingEvaluator: the error of forecasters that are trained on a published series."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import torch
from torch import Tensor
from typing_extensions import Self

from hf_distill.data.series import SeriesData
from hf_distill.data.series_spec import SeriesSpec
from hf_distill.data.series_split import SeriesSplit
from hf_distill.errors import UserError
from hf_distill.evaluation.base import Evaluator
from hf_distill.evaluation.forecast_pictures import forecast_pictures, shown_window
from hf_distill.evaluation.forecast_training import ForecastTraining, series_row
from hf_distill.evaluation.horizons import check_horizons, further_rows
from hf_distill.evaluation.published import learned_rate, read_published
from hf_distill.evaluation.result import Evaluation
from hf_distill.evaluation.series_contenders import (
    SeriesContender,
    Size,
    compared_config,
    equal_rows,
    published,
    random_pieces,
    selected_piece,
)
from hf_distill.evaluation.size import config_bits
from hf_distill.evaluation.tuning import RecipeSearch, Setting
from hf_distill.hub.artifact import DistilledDataset
from hf_distill.initialization.base import InitialSamples
from hf_distill.initialization.trained_piece import TrainedPiece
from hf_distill.networks.cost import find_device
from hf_distill.networks.forecasters.base import Forecaster
from hf_distill.networks.forecasters.dlinear import DLinear
from hf_distill.networks.forecasters.itransformer import ITransformer
from hf_distill.networks.forecasters.xpatch import XPatch
from hf_distill.options import Device, Few, PositiveInt, Range, Seed
from hf_distill.progress import progress_bar
from hf_distill.seeding import Streams
from hf_distill.training.forecast_recipe import ForecastRecipe
from hf_distill.training.source import WindowSource

_BASELINES = ("start", "selected", "random")


class ForecastingEvaluator(Evaluator[SeriesData]):
    """Mean squared error, and mean absolute error beside it, over all windows of the test rows, z-scored.

    Baselines are contiguous pieces of the real training series that take as many bits as the set: one that is chosen,
    and a fresh random draw for each of many networks, since single draws differ much. ``gap_closed`` is the share of
    the way from the mean of the random ones to the full data, ``(random - distilled) / (random - full)``.
    ``training_speedup`` is the mean training time on the full series over that on the set, each by its recipe; testing
    is in neither. The result's pictures show forecasts of the first network of each kind and source on the window in
    the middle of the test rows.

    Args:
        networks: Forecasters; by default DLinear, iTransformer and xPatch.
        seeds: Networks of each kind that are trained on the set, and on each baseline but random pieces.
        baselines: Any of ``start`` (what the method started from, where that is known), ``selected`` (a chosen piece)
            and ``random``.
        selector: What chooses a piece; null for a ``TrainedPiece``, the one that small networks learn most from.
        random_draws: Random pieces, one network each.
        full: Networks that are trained on the full training rows, for the lower limit; 0 or false for none, true for as
            many as there are seeds.
        recipe: How all of them are trained; null for ``ForecastRecipe`` as it is.
        tuning: Choose learning rate and steps of every training series on the validation rows; null trains all by the
            recipe as it is.
        learned_rate: Train on the set with the learning rate that was learned with it; all else is trained by the
            recipe.
        size: The config whose bits the real pieces may take: ``default``, the published values, ``codes``, the stored
            variables, of which a quantized set or a sparse spectrum has far fewer (real pieces then take 32 bits a
            value at most), or the ``smaller``, which is what a reader downloads.
        test_stride: Time steps between test windows; 1 measures all of them, as published figures do.
        horizons: Further horizons that the same set is used at; null for none.
        seed: Seed of the first network; the others follow from it.
        device: ``auto`` takes a GPU where there is one.

    Examples:
        >>> from datasets import Dataset
        >>> from hf_distill import ForecastingEvaluator, ForecastRecipe, RevLinear, SeriesData, SeriesSet, Undistilled
        >>> table = Dataset.from_dict({"load": [float(hour % 24) for hour in range(600)]})
        >>> real = SeriesData.from_dataset(table, lookback=24, horizon=12, splits=[400, 500, 600])
        >>> piece, recipe = Undistilled(synthetic=SeriesSet(length=48)).distill(real), ForecastRecipe(steps=9, epochs=0)
        >>> evaluator = ForecastingEvaluator(networks=[RevLinear()], seeds=1, recipe=recipe).alone()
        >>> [row["metric"] for row in evaluator.evaluate(piece, real, progress=False).rows]
        ['mse']
    """

    def __init__(
        self,
        *,
        networks: list[Forecaster] | None = None,
        seeds: Few = 5,
        baselines: list[str] = list(_BASELINES),  # noqa: B006 - never changed
        selector: InitialSamples | None = None,
        random_draws: Few = 10,
        full: bool | Annotated[int, Range(0, 10_000)] = 1,
        recipe: ForecastRecipe | None = None,
        tuning: RecipeSearch | None = None,
        learned_rate: bool = False,
        size: Size = "smaller",
        test_stride: PositiveInt = 1,
        horizons: list[PositiveInt] | None = None,
        seed: Seed = 0,
        device: Device = "auto",
    ) -> None:
        self.networks = networks
        self.seeds = seeds
        self.baselines = baselines
        self.selector = TrainedPiece() if selector is None else selector
        self.random_draws = random_draws
        self.full = full
        self.recipe = ForecastRecipe() if recipe is None else recipe
        self.tuning = tuning
        self.learned_rate = learned_rate
        self.size = size
        self.test_stride = test_stride
        self.horizons = horizons
        self.seed = seed
        self.device = device

    def alone(self) -> Self:
        """See :class:`Evaluator`."""
        other = copy.copy(self)
        other.baselines, other.full = [], 0
        return other

    def quick(self) -> Self:
        """See :class:`Evaluator`: one network of each kind, three random pieces, and every eighth window."""
        other = copy.copy(self)
        other._sketch, other.seeds, other.full = True, 1, min(int(self.full), 1)
        other.random_draws, other.test_stride = min(self.random_draws, 3), max(self.test_stride, 8)
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
        for name in self.baselines:
            if name not in _BASELINES:
                raise UserError(f"baseline {name!r} is unknown; choose some of {', '.join(_BASELINES)}")
        device = find_device(self.device)
        distilled = read_published(artifact)
        real.setup(device)
        spec = distilled.spec
        check_series_match(spec, real.spec)
        check_horizons(self.horizons or (), distilled)
        rate = learned_rate(distilled, self.recipe.optimizer) if self.learned_rate else None
        contenders = self._contenders(distilled, start, real, device)
        networks = self.networks or [DLinear(), ITransformer(), XPatch()]
        test = SeriesSplit(real.test.values, spec.lookback, spec.horizon, self.test_stride, device)
        results, steps = [], {}
        forecasts: dict[str, dict[str, Tensor]] = {}
        plain = {name: self._scaled(own, Setting(), spec) for name, own in contenders.items()}
        total = sum(self._steps(own, plain[name], spec) * len(own.sources) for name, own in contenders.items())
        with progress_bar(len(networks) * total, "evaluating", "step", disable=not progress) as bar:
            training = ForecastTraining(spec, self.seed, device, bar.update)
            for network in networks:
                bar.set_postfix_str(network.label)
                chosen: dict[str, tuple[Setting, float]] = {}
                if self.tuning is not None:
                    tuned = {name: own for name, own in contenders.items() if name != "full"}
                    chosen = training.search(self.tuning, network, tuned, self._scaled, real)
                settings = {name: chosen[name][0] if name in chosen else Setting() for name in contenders}
                recipes = {name: self._scaled(own, settings[name], spec) for name, own in contenders.items()}
                if rate is not None:
                    recipes["distilled"] = recipes["distilled"].with_rate(rate)
                steps = {name: self._steps(own, recipes[name], spec) for name, own in contenders.items()}
                found = training.outcomes(network, contenders, recipes, test, shown_window(test)[0])
                forecasts[network.label] = {name: group[0].forecast for name, group in found.items()}
                row = series_row(network.label, found, contenders, self.seeds)
                row["config_bits"] = config_bits(distilled)
                if rate is not None:
                    row["learned_rate"] = rate
                if chosen:
                    row["recipes"] = {
                        name: {"lr": recipes[name].lr, "steps": steps[name], "held_out": -score}
                        for name, (_, score) in chosen.items()
                    }
                results.append(row)
        protocol = self._protocol(networks, real, test, steps, compared_config(distilled, self.size))
        if self.horizons:
            protocol["horizons"] = self.horizons
            own = copy.copy(self)
            own.horizons = None
            results += further_rows(own, self.horizons, distilled, real, progress, start)
        evaluation = Evaluation(protocol, results, forecast_pictures(forecasts, test, spec))
        if output is not None:
            evaluation.save(output)
        return evaluation

    def _contenders(
        self, distilled: DistilledDataset, start: DistilledDataset | None, real: SeriesData, device: torch.device
    ) -> dict[str, SeriesContender]:
        """Return what is trained on by name."""
        config = compared_config(distilled, self.size)
        rows = equal_rows(real.spec, distilled.bits[config].total, config, real.train)
        found = {"distilled": published(distilled, self.seeds, config, device)}
        if "start" in self.baselines and start is not None:
            found["start"] = published(start, self.seeds, config, device)
        if "selected" in self.baselines:
            found["selected"] = selected_piece(real, rows, config, self._streams(self.seeds), self.selector)
        if "random" in self.baselines:
            found["random"] = random_pieces(real, rows, config, self._streams(self.random_draws))
        full = self.seeds if self.full is True else int(self.full)
        if full:
            found["full"] = SeriesContender([WindowSource(real.train)] * full, len(real.train.values))
        return found

    def _streams(self, count: int) -> list[Streams]:
        return [Streams(self.seed, step=k) for k in range(count)]

    def _scaled(self, contender: SeriesContender, setting: Setting, spec: SeriesSpec) -> ForecastRecipe:
        if setting == Setting():
            return self.recipe
        return self.recipe.scaled(setting.lr, setting.steps, len(contender.sources[0]), spec.num_channels)

    @staticmethod
    def _steps(contender: SeriesContender, recipe: ForecastRecipe, spec: SeriesSpec) -> int:
        return recipe.total_steps(len(contender.sources[0]), spec.num_channels)

    def _protocol(
        self, networks: Sequence[Forecaster], real: SeriesData, test: SeriesSplit, steps: dict[str, int], config: str
    ) -> dict[str, Any]:
        spec = real.spec
        windows = "all windows" if self.test_stride == 1 else f"every window that starts {self.test_stride} steps on,"
        return {
            "reads": "config default of the published files",
            "reported": "last step",
            "errors": f"of z-scored values (statistics of the training rows), over {windows} of the test rows",
            "seconds": "training alone: the set and the full series each by its recipe, with the steps below",
            "std": "sample standard deviation over the networks",
            "start": "the method's own initial series, stored as the set is",
            "selected": f"a real piece of equal size in bits, chosen by {type(self.selector).__name__}",
            "random": "a real piece of equal size in bits, a fresh draw for each network",
            "random_draws": self.random_draws,
            "full_networks": self.seeds if self.full is True else int(self.full),
            "equal_bits": f"config {config}",
            "learned_rate": self.learned_rate,
            "tuning": None if self.tuning is None else self.tuning.config(),
            "lookback": spec.lookback,
            "horizon": spec.horizon,
            "test_rows": [spec.rows("test").start, spec.rows("test").stop],
            "test_windows": len(test),
            "test_stride": self.test_stride,
            "steps": steps,
            "windows_a_step": self.recipe.batch(spec.num_channels),
            "networks": [network.config() for network in networks],
            "recipe": self.recipe.config(),
            "seed": self.seed,
            "torch": torch.__version__,
            **({"sketch": True} if self._sketch else {}),
        }


def check_series_match(distilled: SeriesSpec, real: SeriesSpec) -> None:
    """Refuse data that the series was not made from.

    Raises:
        UserError: One of them is no series, or channels, window or statistics differ.
    """
    for what, spec in (("the distilled set", distilled), ("the real data", real)):
        if spec.kind != "series":
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
