"""ResNet-18 with a 3x3 stem, for small images."""

from __future__ import annotations

import math

from torch import Tensor, nn

from hf_distill.networks.base import Architecture
from hf_distill.networks.layers import Norm, image_side, norm_layer
from hf_distill.options import Width

#: Channels of a stage, as multiples of those of the first one.
STAGES = (1, 2, 4, 8)


class BasicBlock(nn.Module):
    """Two 3x3 convolutions and a shortcut, ``(B, in, H, W) -> (B, out, H / stride, W / stride)``."""

    def __init__(self, channels: int, width: int, stride: int, norm: Norm) -> None:
        super().__init__()
        self.residual = nn.Sequential(
            nn.Conv2d(channels, width, 3, stride=stride, padding=1, bias=False),
            norm_layer(norm, width),
            nn.ReLU(),
            nn.Conv2d(width, width, 3, padding=1, bias=False),
            norm_layer(norm, width),
        )
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or channels != width:
            self.shortcut = nn.Sequential(
                nn.Conv2d(channels, width, 1, stride=stride, bias=False), norm_layer(norm, width)
            )

    def forward(self, x: Tensor) -> Tensor:
        """Apply the block."""
        return (self.residual(x) + self.shortcut(x)).relu()


class ResNet18(Architecture):
    """A 3x3 stem, four stages of two basic blocks, global average pooling, then a linear head.

    The variant of dataset condensation (Zhao et al., ICLR 2021) for 32 pixels (no 7x7 stem, no first pooling). Images
    under 16 pixels skip the first halvings, so that the last stage still sees 2x2 pixels, without which instance
    normalisation would leave nothing.

    Args:
        norm: Normalisation after every convolution: ``instance``, ``batch`` or ``none``.
        width: Channels of the first stage; the others have 2, 4 and 8 times as many.

    Examples:
        >>> import torch
        >>> from hf_distill import ResNet18
        >>> ResNet18(width=8).build((3, 32, 32), 10, seed=0)(torch.zeros(2, 3, 32, 32)).shape
        torch.Size([2, 10])
    """

    def __init__(self, *, norm: Norm = "instance", width: Width = 64) -> None:
        self.norm = norm
        self.width = width

    def build_body(self, shape: tuple[int, ...]) -> nn.Module:
        """See :class:`Architecture`."""
        side = image_side("ResNet18", shape, 4)
        first_halving = max(1, len(STAGES) - int(math.log2(side)) + 1)
        channels = self.width
        layers: list[nn.Module] = [
            nn.Conv2d(shape[0], channels, 3, padding=1, bias=False),
            norm_layer(self.norm, channels),
            nn.ReLU(),
        ]
        for stage, times in enumerate(STAGES):
            width = times * self.width
            stride = 2 if stage >= first_halving else 1
            layers += [BasicBlock(channels, width, stride, self.norm), BasicBlock(width, width, 1, self.norm)]
            channels = width
        return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())
