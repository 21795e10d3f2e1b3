"""CifarResNet: the residual networks of 20 to 110 layers for small images."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from hf_distill.networks.base import Architecture
from hf_distill.networks.layers import Norm, image_side, norm_layer
from hf_distill.options import Depth, Width


class _Block(nn.Module):
    """Two 3x3 convolutions and a shortcut without weights: every second pixel, and channels of zeros."""

    def __init__(self, channels: int, width: int, stride: int, norm: Norm) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, width, 3, stride=stride, padding=1, bias=False)
        self.bn1 = norm_layer(norm, width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn2 = norm_layer(norm, width)
        self.stride, self.added = stride, width - channels

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(B, channels, H, W)`` to ``(B, width, H / stride, W / stride)``."""
        before = self.added // 2
        shortcut = x[:, :, :: self.stride, :: self.stride]
        shortcut = F.pad(shortcut, (0, 0, 0, 0, before, self.added - before))
        return (self.bn2(self.conv2(self.bn1(self.conv1(x)).relu())) + shortcut).relu()


class _Body(nn.Module):
    def __init__(self, channels: int, width: int, blocks: int, norm: Norm) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, width, 3, padding=1, bias=False)
        self.bn1 = norm_layer(norm, width)
        self.layer1 = self._stage(width, width, blocks, norm)
        self.layer2 = self._stage(width, 2 * width, blocks, norm)
        self.layer3 = self._stage(2 * width, 4 * width, blocks, norm)

    @staticmethod
    def _stage(channels: int, width: int, blocks: int, norm: Norm) -> nn.Sequential:
        stride = 1 if channels == width else 2
        first = _Block(channels, width, stride, norm)
        return nn.Sequential(first, *(_Block(width, width, 1, norm) for _ in range(blocks - 1)))

    def forward(self, x: Tensor) -> Tensor:
        """Return the means over the pixels of the last stage, ``(B, 4 * width)``."""
        x = self.bn1(self.conv1(x)).relu()
        return self.layer3(self.layer2(self.layer1(x))).mean((2, 3))


class CifarResNet(Architecture):
    """Three stages of residual blocks of two 3x3 convolutions, global average pooling, then a linear head.

    He et al., Deep Residual Learning for Image Recognition (CVPR 2016), section 4.2, with shortcuts of kind A. Three
    blocks a stage are ResNet-20 (0.27 million weights), nine ResNet-56.

    Args:
        blocks: Blocks of every stage.
        width: Channels of the first stage; each of the others has twice as many as the one before it.
        norm: Normalisation after every convolution: ``batch`` as published, ``instance`` or ``none``.

    Examples:
        >>> import torch
        >>> from hf_distill import CifarResNet
        >>> CifarResNet(blocks=1, width=4).build((3, 32, 32), 10, seed=0)(torch.zeros(2, 3, 32, 32)).shape
        torch.Size([2, 10])
    """

    def __init__(self, *, blocks: Depth = 3, width: Width = 16, norm: Norm = "batch") -> None:
        self.blocks = blocks
        self.width = width
        self.norm = norm

    def build_body(self, shape: tuple[int, ...]) -> nn.Module:
        """See :class:`Architecture`."""
        image_side("CifarResNet", shape, 8)
        return _Body(shape[0], self.width, self.blocks, self.norm)
