"""What the image networks share: the choice of normalisation, the pooling and the check of the input's shape."""

from __future__ import annotations

from typing import Literal

import torch
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
        fits = width == len(self.pairs) and height % 2 == 0
        if not fits or input.device.type != "cpu" or torch.compiler.is_compiling():
            return super().forward(input)
        upper, lower = input.unflatten(-2, (height // 2, 2)).unbind(-2)
        return (upper + lower) @ self.pairs.to(input.dtype)


def image_side(name: str, shape: tuple[int, ...], minimum: int) -> int:
    """Return the shorter side of images of shape ``(C, H, W)``; refuse vectors and images that are too small."""
    if len(shape) != 3 or min(shape[1:]) < minimum:
        raise UserError(
            f"{name} needs images of {minimum} pixels or more, not inputs of shape {tuple(shape)}; choose MLP instead"
        )
    return min(shape[1:])
