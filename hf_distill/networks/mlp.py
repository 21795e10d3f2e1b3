"""MLP: fully connected layers, for images and vectors alike."""

from __future__ import annotations

from torch import nn

from hf_distill.networks.base import Architecture
from hf_distill.options import Depth, Width


class MLP(Architecture):
    """Flatten, then fully connected layers with ReLU, then a linear head.

    Dataset condensation (Zhao et al., ICLR 2021) uses two hidden layers of width 128.

    Args:
        width: Units of every hidden layer.
        depth: Number of hidden layers.

    Examples:
        >>> import torch
        >>> from hf_distill import MLP
        >>> MLP(width=64).build((20,), 10, seed=0)(torch.zeros(2, 20)).shape
        torch.Size([2, 10])
    """

    def __init__(self, *, width: Width = 128, depth: Depth = 2) -> None:
        self.width = width
        self.depth = depth

    def build_body(self, shape: tuple[int, ...]) -> nn.Module:
        """See :class:`Architecture`."""
        layers: list[nn.Module] = [nn.Flatten()]
        units = 1
        for size in shape:
            units *= size
        for _ in range(self.depth):
            layers += [nn.Linear(units, self.width), nn.ReLU()]
            units = self.width
        return nn.Sequential(*layers)
