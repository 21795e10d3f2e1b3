"""Small forecasters to distill through: cheap to differentiate twice, and unlike each other.

All of them normalise every window by its own mean and deviation, as the networks of practice do and DLinear does not:
a set that is distilled for DLinear alone can be worse than random data for those.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hf_distill.networks.forecasters.base import Forecaster, Normalized
from hf_distill.options import PositiveInt, Width


class RevLinear(Forecaster):
    """One linear map from look-back to horizon, shared by the channels.

    Examples:
        >>> import torch
        >>> from hf_distill import RevLinear
        >>> RevLinear().build(lookback=96, horizon=24, channels=7, seed=0)(torch.zeros(2, 96, 7)).shape
        torch.Size([2, 24, 7])
    """

    def __init__(self) -> None:
        pass

    def build_network(self, lookback: int, horizon: int, channels: int) -> nn.Module:
        """See :class:`Forecaster`."""
        return Normalized(nn.Linear(lookback, horizon))


class RevMLP(Forecaster):
    """Two hidden layers with GELU and layer norm, shared by the channels.

    Args:
        width: Of the hidden layers.

    Examples:
        >>> import torch
        >>> from hf_distill import RevMLP
        >>> RevMLP(width=32).build(lookback=96, horizon=24, channels=7, seed=0)(torch.zeros(2, 96, 7)).shape
        torch.Size([2, 24, 7])
    """

    def __init__(self, *, width: Width = 128) -> None:
        self.width = width

    def build_network(self, lookback: int, horizon: int, channels: int) -> nn.Module:
        """See :class:`Forecaster`."""
        width = self.width
        return Normalized(
            nn.Sequential(
                *(nn.Linear(lookback, width), nn.GELU(), nn.LayerNorm(width)),
                *(nn.Linear(width, width), nn.GELU(), nn.LayerNorm(width)),
                nn.Linear(width, horizon),
            )
        )


class RevPatch(Forecaster):
    """A shared embedding of patches, one layer that mixes the patches, and a flat head; channels are independent.

    Args:
        patch: Time steps of a patch; a look-back that it does not divide repeats its first value.
        width: Of a patch's embedding.

    Examples:
        >>> import torch
        >>> from hf_distill import RevPatch
        >>> RevPatch(patch=8).build(lookback=96, horizon=24, channels=7, seed=0)(torch.zeros(2, 96, 7)).shape
        torch.Size([2, 24, 7])
    """

    def __init__(self, *, patch: PositiveInt = 12, width: Width = 24) -> None:
        self.patch = patch
        self.width = width

    def build_network(self, lookback: int, horizon: int, channels: int) -> nn.Module:
        """See :class:`Forecaster`."""
        return Normalized(_Patches(lookback, horizon, self.patch, self.width))


class RevMix(Forecaster):
    """An embedding of each channel's look-back, mixed over the channels by one attention head.

    Args:
        width: Of a channel's embedding.

    Examples:
        >>> import torch
        >>> from hf_distill import RevMix
        >>> RevMix(width=16).build(lookback=96, horizon=24, channels=7, seed=0)(torch.zeros(2, 96, 7)).shape
        torch.Size([2, 24, 7])
    """

    def __init__(self, *, width: Width = 64) -> None:
        self.width = width

    def build_network(self, lookback: int, horizon: int, channels: int) -> nn.Module:
        """See :class:`Forecaster`."""
        return Normalized(_ChannelMix(lookback, horizon, self.width))


class _Patches(nn.Module):
    """``(B, N, lookback)`` to ``(B, N, horizon)``."""

    def __init__(self, lookback: int, horizon: int, patch: int, width: int) -> None:
        super().__init__()
        count = -(-lookback // patch)
        self.patch = patch
        self.pad = count * patch - lookback
        self.embed = nn.Linear(patch, width)
        self.norm1 = nn.LayerNorm(width)
        self.mix = nn.Linear(count, count)
        self.norm2 = nn.LayerNorm(width)
        self.head = nn.Linear(count * width, horizon)

    def forward(self, z: Tensor) -> Tensor:
        if self.pad:
            z = torch.cat((z[..., :1].expand(*z.shape[:-1], self.pad), z), -1)
        h = self.norm1(F.gelu(self.embed(z.unflatten(-1, (-1, self.patch)))))
        h = h + F.gelu(self.mix(h.transpose(-1, -2))).transpose(-1, -2)
        return self.head(self.norm2(h).flatten(-2))


class _ChannelMix(nn.Module):
    """``(B, N, lookback)`` to ``(B, N, horizon)``."""

    def __init__(self, lookback: int, horizon: int, width: int) -> None:
        super().__init__()
        self.embed = nn.Linear(lookback, width)
        self.qk = nn.Linear(width, 2 * width)
        self.v = nn.Linear(width, width)
        self.norm1 = nn.LayerNorm(width)
        self.ff = nn.Sequential(nn.Linear(width, width), nn.GELU(), nn.Linear(width, width))
        self.norm2 = nn.LayerNorm(width)
        self.head = nn.Linear(width, horizon)

    def forward(self, z: Tensor) -> Tensor:
        h = self.embed(z)
        q, k = self.qk(h).chunk(2, -1)
        attention = torch.softmax(q @ k.transpose(-1, -2) * q.shape[-1] ** -0.5, -1)
        h = self.norm1(h + attention @ self.v(h))
        return self.head(self.norm2(h + self.ff(h)))
