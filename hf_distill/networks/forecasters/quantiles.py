"""QuantileForecaster: a forecaster that says how sure it is."""

from __future__ import annotations

from torch import Tensor, nn

from hf_distill.networks.forecasters.base import Forecaster
from hf_distill.networks.forecasters.dlinear import DLinear
from hf_distill.options import PositiveInt


class QuantileForecaster(Forecaster):
    """Another forecaster with several outputs for each time step: the quantiles ``k / (Q + 1)`` for k from 1 to Q.

    It is trained by their :class:`Pinball` loss, whatever the recipe's is, which an evaluation gives beside the errors
    of the quantile in the middle. In training its network returns ``(B, horizon, channels, Q)``, otherwise that
    quantile, ``(B, horizon, channels)``.

    Args:
        network: What forecasts; null for ``DLinear``.
        quantiles: ``Q``; 9 are the deciles. Of an odd number the one in the middle is the median.

    Examples:
        >>> import torch
        >>> from hf_distill import QuantileForecaster
        >>> network = QuantileForecaster(quantiles=3).build(lookback=96, horizon=24, channels=7, seed=0)
        >>> past = torch.zeros(2, 96, 7)
        >>> network.quantiles(past).shape, network.eval()(past).shape
        (torch.Size([2, 24, 7, 3]), torch.Size([2, 24, 7]))
    """

    def __init__(self, *, network: Forecaster | None = None, quantiles: PositiveInt = 9) -> None:
        self.network = DLinear() if network is None else network
        self.quantiles = quantiles

    @property
    def label(self) -> str:
        """Name in tables."""
        return f"{self.network.label}, {self.quantiles} quantiles"

    def build_network(self, lookback: int, horizon: int, channels: int) -> nn.Module:
        """See :class:`Forecaster`."""
        return Quantiles(self.network.build_network(lookback, horizon * self.quantiles, channels), self.quantiles)


class Quantiles(nn.Module):
    """Reads the horizon of a network that forecasts ``count`` times as far as that many quantiles of each time step."""

    def __init__(self, body: nn.Module, count: int) -> None:
        super().__init__()
        self.body = body
        self.count = count

    def quantiles(self, x: Tensor) -> Tensor:
        """Map ``(B, lookback, N)`` to ``(B, horizon, N, count)``."""
        return self.body(x).unflatten(1, (-1, self.count)).transpose(2, 3)

    def forward(self, x: Tensor) -> Tensor:
        """Return all quantiles in training, and the one in the middle otherwise."""
        found = self.quantiles(x)
        return found if self.training else found[..., self.count // 2]
