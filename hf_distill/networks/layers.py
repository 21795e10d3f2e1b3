"""What the image networks share: the choice of normalisation, the pooling and the check of the input's shape."""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from hf_distill.errors import UserError

Norm = Literal["instance", "batch", "none"]
"""``instance`` is ``GroupNorm(C, C)``, affine, as the field means it; ``batch`` is ``BatchNorm2d``."""


def norm_layer(norm: Norm, channels: int) -> nn.Module:
    """Return the normalisation of ``channels`` channels."""
    if norm == "instance":
        return nn.GroupNorm(channels, channels)
    if norm == "batch":
        return nn.BatchNorm2d(channels)
    if norm == "none":
        return nn.Identity()
    raise UserError(f"norm {norm!r} is unknown; choose instance, batch or none")


class AvgPoolPairs(nn.AvgPool2d):
    """2x2 average pooling, by a sum of rows and a matrix product on the CPU.

    The pooling kernel takes a ConvNet nearly as long there as its convolutions do; this is 2 to 3 times as fast,
    forward and backward (benchmarks/pooling.py). Values agree to rounding; derivatives of any order exist.

    Args:
        width: Columns of the input; inputs of another width, of odd size or on other devices take the kernel.
    """

    def __init__(self, width: int) -> None:
        super().__init__(2)
        # A plain attribute: as a buffer it would be copied for every network of a stack.
        self.pairs = 0.25 * torch.eye(width // 2).repeat_interleave(2, 0)

    def forward(self, input: Tensor) -> Tensor:
        """Map ``(..., H, W)`` to ``(..., H // 2, W // 2)``."""
        height, width = input.shape[-2:]
        if height % 2 or width % 2 or input.device.type != "cpu":
            return super().forward(input)
        if torch.compiler.is_compiling():
            # What the compiler writes for the kernel's backward pass finds each window's place by a dozen divisions.
            return 0.25 * input.unflatten(-1, (width // 2, 2)).unflatten(-3, (height // 2, 2)).sum((-3, -1))
        if width != len(self.pairs):
            return super().forward(input)
        upper, lower = input.unflatten(-2, (height // 2, 2)).unbind(-2)
        return (upper + lower) @ self.pairs.to(input.dtype)


class PatchConv2d(nn.Conv2d):
    """A convolution that is a product of patches and weights where it is compiled for a CPU and has one channel.

    The kernels for convolutions work on blocks of channels: with a single one they reach a tenth of the speed of those
    with 32, backward less still. Values agree to rounding.

    Args:
        channels: Channels of the input.
        width: Channels of the output.
        size: Side of the kernel.
        padding: Rows and columns of zeros on each side.
    """

    def __init__(self, channels: int, width: int, size: int, padding: int) -> None:
        super().__init__(channels, width, size, padding=padding)
        self.side, self.margin = size, padding

    def forward(self, input: Tensor) -> Tensor:
        """Map ``(B, C, H, W)`` to ``(B, width, H', W')``."""
        thin = self.in_channels == 1 and input.dim() == 4 and not input.requires_grad
        if not thin or input.device.type != "cpu" or not torch.compiler.is_compiling():
            return super().forward(input)
        assert self.bias is not None
        x = F.pad(input[:, 0], (self.margin,) * 4)
        height, width = x.shape[1] - self.side + 1, x.shape[2] - self.side + 1
        places = [x[:, i : i + height, j : j + width] for i in range(self.side) for j in range(self.side)]
        # The bias is the weight of a pixel that is one everywhere: (side * side + 1, B * H' * W').
        patches = torch.stack([*places, torch.ones_like(places[0])]).flatten(1)
        weight = torch.cat((self.weight.flatten(1).t(), self.bias[None]))
        return (patches.t() @ weight).view(len(x), height, width, self.out_channels).permute(0, 3, 1, 2)


def image_side(name: str, shape: tuple[int, ...], minimum: int) -> int:
    """Return the shorter side of images of shape ``(C, H, W)``; refuse vectors and images that are too small."""
    if len(shape) != 3 or min(shape[1:]) < minimum:
        raise UserError(
            f"{name} needs images of {minimum} pixels or more, not inputs of shape {tuple(shape)}; choose MLP instead"
        )
    return min(shape[1:])
