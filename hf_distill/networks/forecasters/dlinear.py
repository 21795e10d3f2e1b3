"""DLinear: moving-average decomposition and one linear map for each of its two parts."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hf_distill.networks.forecasters.base import Forecaster
from hf_distill.networks.outputs import Axes
from hf_distill.options import PositiveInt


class DLinear(Forecaster):
    """DLinear (Zeng et al., Are Transformers Effective for Time Series Forecasting?, AAAI 2023).

    ``y = W_s (x - m(x)) + W_t m(x) + b`` with the moving average ``m``, along the time axis.

    Args:
        kernel: Time steps of the moving average; the paper's 25.
        individual: Weights of their own for every channel; the paper shares them.
        uniform: Start all weights at ``1 / lookback``, as the authors' code does for its figures; else at random.

    Examples:
        >>> import torch
        >>> from hf_distill import DLinear
        >>> DLinear(kernel=13).build(lookback=96, horizon=24, channels=7, seed=0)(torch.zeros(2, 96, 7)).shape
        torch.Size([2, 24, 7])
    """

    def __init__(self, *, kernel: PositiveInt = 25, individual: bool = False, uniform: bool = True) -> None:
        self.kernel = kernel
        self.individual = individual
        self.uniform = uniform

    def build_network(self, lookback: int, horizon: int, channels: int) -> nn.Module:
        """See :class:`Forecaster`."""
        return _Network(lookback, horizon, channels if self.individual else 1, self.kernel, self.uniform)


class _Network(nn.Module):
    # Both maps, those of all groups of channels and all time steps of the horizon have outputs of their own.
    output_axes: ClassVar[dict[str, Axes]] = {"weight": (0, 1, 2), "bias": ()}

    def __init__(self, lookback: int, horizon: int, groups: int, kernel: int, uniform: bool) -> None:
        super().__init__()
        self.kernel = kernel
        self.weight = nn.Parameter(torch.full((2, groups, horizon, lookback), 1.0 / lookback))
        self.bias = nn.Parameter(torch.empty(2, groups, horizon))
        bound = lookback**-0.5
        if not uniform:
            nn.init.uniform_(self.weight, -bound, bound)
        nn.init.uniform_(self.bias, -bound, bound)

    def forward(self, x: Tensor) -> Tensor:
        x = x.transpose(1, 2)  # B, N, L
        before = (self.kernel - 1) // 2
        padded = F.pad(x, (before, self.kernel - 1 - before), mode="replicate")
        trend = F.avg_pool1d(padded, self.kernel, 1)
        if self.weight.shape[1] == 1:
            seasonal = F.linear(x - trend, self.weight[0, 0], self.bias[0, 0])
            return (seasonal + F.linear(trend, self.weight[1, 0], self.bias[1, 0])).transpose(1, 2)
        parts = torch.stack((x - trend, trend))
        y = torch.einsum("kbnl,knhl->bnh", parts, self.weight) + self.bias.sum(0)
        return y.transpose(1, 2)
