"""ConvNet1d: the small network for series with a class each."""

from __future__ import annotations

from typing import Literal

from torch import nn

from hf_distill.errors import UserError
from hf_distill.networks.base import Architecture
from hf_distill.options import Depth, Width

KERNEL = 7


class ConvNet1d(Architecture):
    """Blocks of a convolution of width 7 along time, normalisation, ReLU and average pooling by 2; a linear head.

    ``ConvNet`` in one dimension. The last pooling leaves all places in it: when something happens may tell the class.

    Args:
        width: Channels of every block.
        depth: Number of blocks; each one halves the series.
        norm: ``instance`` (``GroupNorm(C, C)``, affine), ``batch`` or ``none``.

    Examples:
        >>> import torch
        >>> from hf_distill import ConvNet1d
        >>> ConvNet1d(width=8).build((3, 96), 5, seed=0)(torch.zeros(2, 3, 96)).shape
        torch.Size([2, 5])
    """

    def __init__(
        self, *, width: Width = 64, depth: Depth = 3, norm: Literal["instance", "batch", "none"] = "instance"
    ) -> None:
        self.width = width
        self.depth = depth
        self.norm = norm

    def build_body(self, shape: tuple[int, ...]) -> nn.Module:
        """See :class:`Architecture`."""
        if len(shape) != 2 or shape[1] < 2**self.depth:
            raise UserError(
                f"ConvNet1d of depth {self.depth} needs series (channels, steps) of {2**self.depth} steps or more, not "
                f"inputs of shape {tuple(shape)}; lower depth, or set --data.time_axis where numbers are a series"
            )
        layers: list[nn.Module] = []
        channels = shape[0]
        for _ in range(self.depth):
            layers.append(nn.Conv1d(channels, self.width, KERNEL, padding=KERNEL // 2))
            if self.norm == "instance":
                layers.append(nn.GroupNorm(self.width, self.width))
            elif self.norm == "batch":
                layers.append(nn.BatchNorm1d(self.width))
            layers += [nn.ReLU(), nn.AvgPool1d(2)]
            channels = self.width
        return nn.Sequential(*layers, nn.Flatten())
