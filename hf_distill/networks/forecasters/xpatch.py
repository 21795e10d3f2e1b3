"""xPatch: exponential seasonal-trend decomposition, a patch CNN for the one part and an MLP for the other."""

from __future__ import annotations

from typing import Annotated

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hf_distill.errors import UserError
from hf_distill.networks.forecasters.base import Forecaster, window_statistics
from hf_distill.options import PositiveInt, Range


class XPatch(Forecaster):
    """xPatch (Stitsyuk and Choi, Dual-Stream Time Series Forecasting with Exponential Decomposition, AAAI 2025).

    Channels are independent. The trend is the exponential moving average ``s_t = a x_t + (1 - a) s_{t-1}``, and the
    MLP on it has no activations.

    Args:
        alpha: ``a``; the paper's 0.3.
        patch: Time steps of a patch; the paper's 16.
        stride: From one patch to the next; the paper's 8.

    Examples:
        >>> import torch
        >>> from hf_distill import XPatch
        >>> XPatch(stride=16).build(lookback=96, horizon=24, channels=7, seed=0)(torch.zeros(2, 96, 7)).shape
        torch.Size([2, 24, 7])
    """

    def __init__(
        self,
        *,
        alpha: Annotated[float, Range(0, 1, above=True)] = 0.3,
        patch: PositiveInt = 16,
        stride: PositiveInt = 8,
    ) -> None:
        self.alpha = alpha
        self.patch = patch
        self.stride = stride

    @property
    def label(self) -> str:
        """Name in tables."""
        return "xPatch"

    def build_network(self, lookback: int, horizon: int, channels: int) -> nn.Module:
        """See :class:`Forecaster`."""
        if lookback < self.patch:
            raise UserError(
                f"xPatch needs a look-back of {self.patch} (its patch) or more, not {lookback}: lower the patch"
            )
        if horizon < 2:
            raise UserError(f"xPatch needs a horizon of 2 or more, not {horizon}: choose another forecaster")
        return _Network(lookback, horizon, channels, self.alpha, self.patch, self.stride)


class _Network(nn.Module):
    ema: Tensor

    def __init__(self, lookback: int, horizon: int, channels: int, alpha: float, patch: int, stride: int) -> None:
        super().__init__()
        self.patch, self.stride = patch, stride
        # The recursion as one lower-triangular matrix: s_t = (1 - a)^t x_0 + sum_{0 < j <= t} a (1 - a)^(t - j) x_j.
        steps = torch.arange(lookback)
        lag = steps[:, None] - steps
        ema = torch.where(lag >= 0, alpha * (1 - alpha) ** lag.clamp(min=0), 0.0)
        ema[:, 0] = (1 - alpha) ** steps
        self.register_buffer("ema", ema, persistent=False)
        self.scale = nn.Parameter(torch.ones(channels))
        self.shift = nn.Parameter(torch.zeros(channels))
        n = (lookback - patch) // stride + 2
        self.embed = nn.Linear(patch, patch * patch)
        self.bn1 = nn.BatchNorm1d(n)
        self.depthwise = nn.Conv1d(n, n, patch, patch, groups=n)
        self.bn2 = nn.BatchNorm1d(n)
        self.skip = nn.Linear(patch * patch, patch)
        self.pointwise = nn.Conv1d(n, n, 1)
        self.bn3 = nn.BatchNorm1d(n)
        self.head1 = nn.Linear(n * patch, 2 * horizon)
        self.head2 = nn.Linear(2 * horizon, horizon)
        self.trend1 = nn.Linear(lookback, 4 * horizon)
        self.ln1 = nn.LayerNorm(2 * horizon)
        self.trend2 = nn.Linear(2 * horizon, horizon)
        self.ln2 = nn.LayerNorm(horizon // 2)
        self.trend3 = nn.Linear(horizon // 2, horizon)
        self.join = nn.Linear(2 * horizon, horizon)

    def forward(self, x: Tensor) -> Tensor:
        b, length, n = x.shape
        mean, std = window_statistics(x)
        z = (x - mean) / std * self.scale + self.shift
        z = z.transpose(1, 2).reshape(b * n, length)
        trend = z @ self.ema.T
        y = self.join(torch.cat((self._seasonal(z - trend), self._trend(trend)), 1))
        y = y.view(b, n, -1).transpose(1, 2)
        return (y - self.shift) / (self.scale + 1e-10) * std + mean

    def _seasonal(self, s: Tensor) -> Tensor:
        s = F.pad(s[:, None], (0, self.stride), mode="replicate")[:, 0]
        s = s.unfold(-1, self.patch, self.stride)  # B N, patches, patch
        s = self.bn1(F.gelu(self.embed(s)))
        s = self.bn2(F.gelu(self.depthwise(s))) + self.skip(s)
        s = self.bn3(F.gelu(self.pointwise(s)))
        return self.head2(F.gelu(self.head1(s.flatten(1))))

    def _trend(self, t: Tensor) -> Tensor:
        t = self.ln1(F.avg_pool1d(self.trend1(t)[:, None], 2)[:, 0])
        t = self.ln2(F.avg_pool1d(self.trend2(t)[:, None], 2)[:, 0])
        return self.trend3(t)
