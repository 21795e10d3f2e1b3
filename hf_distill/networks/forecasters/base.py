"""Forecasters (what a YAML file names) and what the networks that they build have in common."""

from __future__ import annotations

from abc import abstractmethod

import torch
from torch import Tensor, nn

from hf_distill.parts import Part
from hf_distill.seeding import seeded


class Forecaster(Part):
    """The description of a forecaster; :meth:`build` makes one for a look-back, a horizon and a number of channels.

    Examples:
        >>> import torch
        >>> from hf_distill import DLinear
        >>> network = DLinear().build(lookback=96, horizon=24, channels=7, seed=0)
        >>> network(torch.zeros(2, 96, 7)).shape
        torch.Size([2, 24, 7])
    """

    @abstractmethod
    def build_network(self, lookback: int, horizon: int, channels: int) -> nn.Module:
        """Return the module from ``(B, lookback, channels)`` to ``(B, horizon, channels)``.

        Raises:
            UserError: The forecaster cannot be built for these sizes.
        """

    def build(self, lookback: int, horizon: int, channels: int, seed: int) -> nn.Module:
        """Return a freshly initialised network on the CPU, the same one for the same seed."""
        with seeded(seed):
            return self.build_network(lookback, horizon, channels)

    @property
    def label(self) -> str:
        """Name in tables."""
        return type(self).__name__


def window_statistics(x: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean and standard deviation of every channel of every window ``(B, L, N)``, each ``(B, 1, N)``."""
    return x.mean(1, keepdim=True), (x.var(1, keepdim=True, unbiased=False) + 1e-5).sqrt()


class Normalized(nn.Module):
    """A map of the look-back axis between window normalisation and its inverse (RevIN without affine weights).

    Args:
        body: Maps ``(B, N, lookback)`` to ``(B, N, horizon)``.
    """

    def __init__(self, body: nn.Module) -> None:
        super().__init__()
        self.body = body

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(B, lookback, N)`` to ``(B, horizon, N)``."""
        mean, std = window_statistics(x)
        z = torch.transpose((x - mean) / std, 1, 2)
        return self.body(z).transpose(1, 2) * std + mean
