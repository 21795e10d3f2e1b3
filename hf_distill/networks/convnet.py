"""ConvNet: the field's standard network for 28 to 128 pixels."""

from __future__ import annotations

from typing import Literal

from torch import nn

from hf_distill.errors import UserError
from hf_distill.networks.base import Architecture
from hf_distill.networks.layers import AvgPoolPairs, PatchConv2d
from hf_distill.options import Depth, Width


class ConvNet(Architecture):
    """Blocks of 3x3 convolution, normalisation, ReLU and 2x2 average pooling, then a linear head.

    The network of dataset condensation (Zhao et al., ICLR 2021), there with width 128 and depth 3 for 32 pixels; one
    block more for each doubling. One-channel images of 28 pixels are padded to 32 in the first layer, as there.

    Args:
        width: Channels of every block.
        depth: Number of blocks; each one halves the image.
        norm: ``instance`` (``GroupNorm(C, C)``, affine), ``batch`` or ``none``.

    Examples:
        >>> import torch
        >>> from hf_distill import ConvNet
        >>> ConvNet(width=16, depth=2).build((1, 28, 28), 10, seed=0)(torch.zeros(2, 1, 28, 28)).shape
        torch.Size([2, 10])
    """

    def __init__(
        self, *, width: Width = 128, depth: Depth = 3, norm: Literal["instance", "batch", "none"] = "instance"
    ) -> None:
        self.width = width
        self.depth = depth
        self.norm = norm

    def build_body(self, shape: tuple[int, ...]) -> nn.Module:
        """See :class:`Architecture`."""
        if len(shape) != 3 or min(shape[1:]) < 2**self.depth:
            raise UserError(
                f"ConvNet of depth {self.depth} needs images of {2**self.depth} pixels or more, not inputs of shape "
                f"{tuple(shape)}; lower depth, or choose MLP for vectors"
            )
        layers: list[nn.Module] = []
        channels, width = shape[0], shape[2]
        for index in range(self.depth):
            padding = 3 if index == 0 and shape[0] == 1 and shape[1:] == (28, 28) else 1
            layers.append(PatchConv2d(channels, self.width, 3, padding=padding))
            if self.norm == "instance":
                layers.append(nn.GroupNorm(self.width, self.width))
            elif self.norm == "batch":
                layers.append(nn.BatchNorm2d(self.width))
            width += 2 * (padding - 1)
            layers += [nn.ReLU(), AvgPoolPairs(width)]
            channels, width = self.width, width // 2
        return nn.Sequential(*layers, nn.Flatten())
