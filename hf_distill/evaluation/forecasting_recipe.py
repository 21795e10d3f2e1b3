"""ForecastRecipe: how a forecaster is trained to measure a series, and training and testing by it."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from hf_distill.data.series_split import SeriesSplit
from hf_distill.errors import DivergenceError
from hf_distill.networks.cost import ONE_THREAD, one_thread, step_flops
from hf_distill.options import NonNegativeInt, PositiveFloat, PositiveInt
from hf_distill.parts import Part
from hf_distill.seeding import Streams
from hf_distill.training.plan import STEP, choose_workers
from hf_distill.training.workers import side_by_side

# Numbers in the windows of a test batch: on a CPU what its cache holds of the activations (xPatch, 1.5 times faster
# than with 512 windows of 7 channels), on a GPU what its memory holds of a wide set's.
_TEST_VALUES = {"cpu": 2**16, "cuda": 2**22}
# A forecaster whose error in the end is so many times that of forecasting zero has diverged.
_FACTOR = 1000
# Steps between two reports and checks: reading the loss more often would make a GPU wait.
_EVERY = 50


class ForecastRecipe(Part):
    """A training recipe: Adam, mean squared error, a learning rate that falls to zero along a cosine.

    The number of steps is ``max(steps, epochs passes over the windows)``: one rule for every training set, that gives
    a short synthetic series enough steps to learn from it and the full one its usual three epochs, with which the
    forecasters reach their published results. The values are ours. More steps suit a distilled series that has been
    made for as many, and series on which networks learn slowly (hourly electricity, DLinear, 384 distilled time steps:
    .082 after 200 steps, .068 after 400); a random piece over-fits (ETTh1, iTransformer: .520 after 200, .590 after
    400).

    Args:
        steps: Optimiser steps at least.
        epochs: Passes over the windows at least; 0 leaves ``steps`` alone.
        batch_size: Windows of a step.
        lr: Learning rate at the start.
        max_sequences: Windows times channels of a step at most: a wide series takes fewer windows, at least one, and
            so more steps for its epochs; 32 windows of 32 channels are the limit.
    """

    def __init__(
        self,
        *,
        steps: PositiveInt = 400,
        epochs: NonNegativeInt = 3,
        batch_size: PositiveInt = 32,
        lr: PositiveFloat = 1e-3,
        max_sequences: PositiveInt = 1024,
    ) -> None:
        self.steps = steps
        self.epochs = epochs
        self.batch_size = batch_size
        self.lr = lr
        self.max_sequences = max_sequences

    def batch(self, channels: int) -> int:
        """Return the windows of a step for so many channels."""
        return max(1, min(self.batch_size, self.max_sequences // channels))

    def total_steps(self, windows: int, channels: int = 1) -> int:
        """Return the optimiser steps for a training set of so many windows and channels."""
        return max(self.steps, self.epochs * math.ceil(windows / self.batch(channels)))

    def scaled(self, lr: float, steps: float, windows: int, channels: int = 1) -> ForecastRecipe:
        """Return the recipe for so many windows and channels with so many times its learning rate and its steps."""
        recipe = copy.copy(self)
        recipe.lr = lr * self.lr
        recipe.steps, recipe.epochs = max(1, round(steps * self.total_steps(windows, channels))), 0
        return recipe

    def lr_at(self, step: int, total: int) -> float:
        """Return the learning rate of a step, counted from 0."""
        return self.lr * 0.5 * (1 + math.cos(math.pi * step / total))


class Windows:
    """The training windows of one series, or of several of one length: none crosses from one to the next.

    Args:
        series: ``(M, N)`` or ``(S, M, N)``, normalised.
        lookback: ``L``.
        horizon: ``H``.
    """

    def __init__(self, series: Tensor, lookback: int, horizon: int) -> None:
        values = series if series.ndim == 3 else series[None]
        inside = torch.arange(values.shape[1] - lookback - horizon + 1)
        self._starts = (torch.arange(len(values))[:, None] * values.shape[1] + inside).flatten()
        self._all = SeriesSplit(values.flatten(0, 1), lookback, horizon)

    def __len__(self) -> int:
        return len(self._starts)

    @property
    def num_channels(self) -> int:
        """``N``."""
        return self._all.num_channels

    def batch(self, index: Tensor) -> tuple[Tensor, Tensor]:
        """Return some windows: ``(B, L, N)`` and what comes after, ``(B, H, N)``."""
        return self._all.batch(self._starts[index])


def train_forecaster(
    network: nn.Module,
    data: Windows | SeriesSplit,
    streams: Streams,
    recipe: ForecastRecipe,
    device: torch.device,
    progress: Callable[[int], object] = lambda steps: None,
) -> float:
    """Train a network in place and return the seconds that it took.

    Every epoch is a permutation of the windows. Networks are trained one after the other: together, under ``vmap``,
    they take 1.4 (DLinear), 1.0 (iTransformer) and 2 to 4 times (xPatch) as long on a CPU.

    Raises:
        DivergenceError: The loss or the weights are not finite; or the error in the last step is 1000 times that of
            forecasting zero, or of the data's own deviation if that is larger.
    """
    network.to(device).train()
    optimizer = torch.optim.Adam(network.parameters(), lr=recipe.lr, fused=True)
    total = recipe.total_steps(len(data), data.num_channels)
    batch = recipe.batch(data.num_channels)
    generator = streams.generator("batches")
    order: list[Tensor] = []
    small = _is_small(network, data, batch, device)
    devices = [device] if device.type == "cuda" else []
    start = time.perf_counter()
    with one_thread(small), torch.random.fork_rng(devices=devices):
        torch.manual_seed(streams.seed_for("dropout"))
        for step in range(total):
            order = order or list(torch.randperm(len(data), generator=generator).split(batch))
            x, y = data.batch(order.pop())
            for group in optimizer.param_groups:
                group["lr"] = recipe.lr_at(step, total)
            optimizer.zero_grad(set_to_none=True)
            loss = nn.functional.mse_loss(network(x.to(device)), y.to(device))
            if step == 0:
                first = loss.detach()
            loss.backward()
            optimizer.step()
            if (step + 1) % _EVERY == 0 or step + 1 == total:
                if not math.isfinite(loss.item()):
                    if not math.isfinite(first.item()):
                        raise DivergenceError(
                            "the loss is not finite before the first update, where recipe.lr has had no effect: look "
                            "at the values of the series"
                        )
                    raise DivergenceError(f"the loss is not finite by step {step + 1}; {_remedy(recipe)}")
                progress(step % _EVERY + 1)
    seconds = time.perf_counter() - start
    if not all(weight.isfinite().all() for weight in network.parameters()):
        raise DivergenceError(f"the weights are not finite after training; {_remedy(recipe)}")
    zero = max(float(y.double().square().mean()), 1.0)
    if loss.item() > _FACTOR * zero:
        raise DivergenceError(
            f"the training error is {loss.item():.3g} in the end, and that of forecasting zero {zero:.3g}; "
            f"{_remedy(recipe)}"
        )
    return seconds


@dataclass(frozen=True)
class Trial:
    """A forecaster that is trained on some data and tested.

    Attributes:
        network: Freshly built.
        data: What it is trained on.
        streams: Its randomness.
        name: What it is, for an error.
        recipe: How it is trained.
    """

    network: nn.Module
    data: Windows | SeriesSplit
    streams: Streams
    name: str
    recipe: ForecastRecipe


@dataclass(frozen=True)
class Outcome:
    """What came of a trial.

    Attributes:
        mse: Mean squared error of z-scored values.
        mae: Mean absolute error.
        seconds: Of the training alone.
        forecast: Of one window, ``(H, N)``.
    """

    mse: float
    mae: float
    seconds: float
    forecast: Tensor


def run_trials(
    trials: Sequence[Trial],
    test: SeriesSplit,
    shown: Tensor,
    device: torch.device,
    progress: Callable[[int], object] = lambda steps: None,
) -> list[Outcome]:
    """Train and test forecasters of one kind, on a CPU side by side where that is worth starting processes for.

    Args:
        trials: The forecasters.
        test: Test windows.
        shown: A window ``(1, L, N)`` to forecast.
        device: Where.
        progress: Called with the steps that were done.

    Raises:
        DivergenceError: The training of one diverged; the message begins with its name.
    """
    first = trials[0]
    sample = first.data.batch(torch.zeros(1, dtype=torch.int64))[0].to(device)
    channels = first.data.num_channels
    window = step_flops(first.network.to(device), sample, 1)
    steps = sum(trial.recipe.total_steps(len(trial.data), channels) for trial in trials)
    work = (window * first.recipe.batch(channels) + STEP) * steps + window / 3 * len(test) * len(trials)
    workers = choose_workers(work, len(trials)) if device.type == "cpu" else 1
    run = partial(_run_trial, test=test, shown=shown, device=device)
    # Of several each has one thread, with workers or without: the last bits are the same.
    with one_thread(device.type == "cpu" and len(trials) > 1):
        return side_by_side(run, trials, workers, progress)


def _run_trial(
    trial: Trial,
    progress: Callable[[int], object],
    *,
    test: SeriesSplit,
    shown: Tensor,
    device: torch.device,
) -> Outcome:
    try:
        seconds = train_forecaster(trial.network, trial.data, trial.streams, trial.recipe, device, progress)
        mse, mae = forecast_errors(trial.network, test, device)
    except DivergenceError as error:
        raise DivergenceError(f"{trial.name}: {error}") from error
    with torch.no_grad():
        return Outcome(mse, mae, seconds, trial.network(shown.to(device))[0].cpu())


def _remedy(recipe: ForecastRecipe) -> str:
    return f"lower recipe.lr (now {recipe.lr})"


def _is_small(network: nn.Module, data: Windows | SeriesSplit, batch: int, device: torch.device) -> bool:
    """Whether a batch is work for one thread of a CPU."""
    sample = data.batch(torch.zeros(1, dtype=torch.int64))[0].to(device)
    return device.type == "cpu" and step_flops(network, sample, batch) < ONE_THREAD


@torch.no_grad()
def forecast_errors(network: nn.Module, test: SeriesSplit, device: torch.device) -> tuple[float, float]:
    """Return mean squared and mean absolute error over the windows, horizon steps and channels, of z-scored values.

    Raises:
        DivergenceError: They are not finite.
    """
    network.to(device).eval()
    channels = test.num_channels
    size = max(1, _TEST_VALUES.get(device.type, 2**22) // (channels * (test.lookback + test.horizon)))
    square = absolute = 0.0
    with one_thread(_is_small(network, test, size, device)):
        for rows in torch.arange(len(test)).split(size):
            x, y = test.batch(rows)
            error = network(x.to(device)) - y.to(device)
            square += error.square().sum(dtype=torch.float64).item()
            absolute += error.abs().sum(dtype=torch.float64).item()
    count = len(test) * test.horizon * channels
    if not math.isfinite(square):
        raise DivergenceError("the forecasts of the test windows are not finite; lower recipe.lr")
    return square / count, absolute / count
