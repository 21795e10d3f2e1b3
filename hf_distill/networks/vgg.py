"""VGG-11 in the variant for small images."""

from __future__ import annotations

import math

from torch import nn

from hf_distill.networks.base import Architecture
from hf_distill.networks.layers import Norm, image_side, norm_layer
from hf_distill.options import Width

# Channels of the convolutions between two max poolings, in those of the first.
STAGES = ((1,), (2,), (4, 4), (8, 8), (8, 8))


class VGG11(Architecture):
    """Eight 3x3 convolutions in five stages, each closed by a 2x2 max pooling, then a linear head.

    The variant of dataset condensation (Zhao et al., ICLR 2021): 512 features for 32 pixels, one-channel images of 28
    pixels padded to 32 in the first layer. Images under 32 pixels skip the first poolings, so that no convolution
    works on a single pixel, where instance normalisation would leave nothing.

    Args:
        norm: Normalisation after every convolution: ``instance``, ``batch`` or ``none``.
        width: Channels of the first convolution; those after it have 2, 4 and 8 times as many.

    Examples:
        >>> import torch
        >>> from hf_distill import VGG11
        >>> VGG11(norm="batch").build((3, 32, 32), 10, seed=0)(torch.zeros(2, 3, 32, 32)).shape
        torch.Size([2, 10])
    """

    def __init__(self, *, norm: Norm = "instance", width: Width = 64) -> None:
        self.norm = norm
        self.width = width

    def build_body(self, shape: tuple[int, ...]) -> nn.Module:
        """See :class:`Architecture`."""
        side = image_side("VGG11", shape, 8)
        padding = 1
        if shape[0] == 1 and tuple(shape[1:]) == (28, 28):
            padding, side = 3, 32
        skipped = max(0, len(STAGES) - int(math.log2(side)))
        layers: list[nn.Module] = []
        channels = shape[0]
        for stage, convolutions in enumerate(STAGES):
            for times in convolutions:
                width = times * self.width
                layers += [nn.Conv2d(channels, width, 3, padding=padding), norm_layer(self.norm, width), nn.ReLU()]
                channels, padding = width, 1
            if stage >= skipped:
                layers.append(nn.MaxPool2d(2))
        return nn.Sequential(*layers, nn.Flatten())
