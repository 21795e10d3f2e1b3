"""AlexNet in the variant for small images."""

from __future__ import annotations

from torch import nn

from hf_distill.networks.base import Architecture
from hf_distill.networks.layers import Norm, image_side, norm_layer


class AlexNet(Architecture):
    """Five convolutions and three 2x2 max poolings, then a linear head; no fully connected hidden layers.

    The variant of dataset condensation (Zhao et al., ICLR 2021) for 32 pixels, without normalisation there. The first
    layer pads one-channel images by 4, which makes 32 pixels of 28.

    Args:
        norm: Normalisation after every convolution: ``instance``, ``batch`` or ``none``.

    Examples:
        >>> import torch
        >>> from hf_distill import AlexNet
        >>> AlexNet(norm="batch").build((3, 32, 32), 10, seed=0)(torch.zeros(2, 3, 32, 32)).shape
        torch.Size([2, 10])
    """

    def __init__(self, *, norm: Norm = "none") -> None:
        self.norm = norm

    def build_body(self, shape: tuple[int, ...]) -> nn.Module:
        """See :class:`Architecture`."""
        image_side("AlexNet", shape, 8)
        first = 4 if shape[0] == 1 else 2
        # (channels, kernel, padding, pool)
        plan = [(128, 5, first, True), (192, 5, 2, True), (256, 3, 1, False), (192, 3, 1, False), (192, 3, 1, True)]
        layers: list[nn.Module] = []
        channels = shape[0]
        for width, kernel, padding, pool in plan:
            layers += [nn.Conv2d(channels, width, kernel, padding=padding), norm_layer(self.norm, width), nn.ReLU()]
            if pool:
                layers.append(nn.MaxPool2d(2))
            channels = width
        return nn.Sequential(*layers, nn.Flatten())
