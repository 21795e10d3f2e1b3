"""ForecastErrors: what a forecaster that has been trained is asked."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from hf_distill.data.series_split import SeriesSplit
from hf_distill.errors import DivergenceError
from hf_distill.networks.cost import ONE_THREAD, one_thread, step_flops
from hf_distill.networks.forecasters.quantiles import Quantiles
from hf_distill.training.losses import Pinball

# Numbers in the windows of a test batch: on a CPU what its cache holds of the activations (xPatch, 1.5 times faster
# than with 512 windows of 7 channels), on a GPU what its memory holds of a wide set's.
_TEST_VALUES = {"cpu": 2**16, "cuda": 2**22}


@dataclass(frozen=True)
class Outcome:
    """What came of a forecaster.

    Attributes:
        mse: Mean squared error over the windows, horizon steps and channels, of z-scored values.
        mae: Mean absolute error.
        forecast: Of one window, ``(H, N)``.
        seconds: Of its training.
        pinball: Mean pinball loss of its quantiles; None of a forecaster without any.
    """

    mse: float
    mae: float
    forecast: Tensor
    seconds: float = 0.0
    pinball: float | None = None


@dataclass(frozen=True)
class ForecastErrors:
    """Asks a trained forecaster for its errors and for one forecast.

    Attributes:
        test: Windows to measure.
        shown: A window ``(1, L, N)`` to forecast.
        device: Where.
    """

    test: SeriesSplit
    shown: Tensor
    device: torch.device

    @torch.no_grad()
    def __call__(self, network: nn.Module) -> Outcome:
        """Return what came of it.

        Raises:
            DivergenceError: The errors are not finite.
        """
        mse, mae = forecast_errors(network, self.test, self.device)
        pinball = quantile_error(network, self.test, self.device) if isinstance(network, Quantiles) else None
        return Outcome(mse, mae, network(self.shown.to(self.device))[0].cpu(), pinball=pinball)


@torch.no_grad()
def forecast_errors(network: nn.Module, test: SeriesSplit, device: torch.device) -> tuple[float, float]:
    """Return mean squared and mean absolute error over the windows, horizon steps and channels, of z-scored values.

    Raises:
        DivergenceError: They are not finite.
    """
    network.to(device).eval()
    channels, size = test.num_channels, _batch(test, device)
    sample = test.batch(torch.zeros(1, dtype=torch.int64))[0].to(device)
    small = device.type == "cpu" and step_flops(network, sample, size) < ONE_THREAD
    square = absolute = 0.0
    with one_thread(small):
        for rows in torch.arange(len(test)).split(size):
            x, y = test.batch(rows)
            error = network(x.to(device)) - y.to(device)
            square += error.square().sum(dtype=torch.float64).item()
            absolute += error.abs().sum(dtype=torch.float64).item()
    if not math.isfinite(square):
        raise DivergenceError("the forecasts of the test windows are not finite")
    count = len(test) * test.horizon * channels
    return square / count, absolute / count


@torch.no_grad()
def quantile_error(network: Quantiles, test: SeriesSplit, device: torch.device) -> float:
    """Return the mean pinball loss over the windows, horizon steps, channels and quantiles, of z-scored values."""
    total = 0.0
    for rows in torch.arange(len(test)).split(_batch(test, device)):
        x, y = test.batch(rows)
        total += Pinball().losses(network.quantiles(x.to(device)), y.to(device)).sum(dtype=torch.float64).item()
    return total / len(test)


def _batch(test: SeriesSplit, device: torch.device) -> int:
    """Return the windows of a test batch."""
    return max(1, _TEST_VALUES.get(device.type, 2**22) // (test.num_channels * (test.lookback + test.horizon)))
