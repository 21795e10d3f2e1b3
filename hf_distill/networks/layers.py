"""What the image networks share: the choice of normalisation and the check of the input's shape."""

from __future__ import annotations

from typing import Literal

from torch import nn

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


def image_side(name: str, shape: tuple[int, ...], minimum: int) -> int:
    """Return the shorter side of images of shape ``(C, H, W)``; refuse vectors and images that are too small."""
    if len(shape) != 3 or min(shape[1:]) < minimum:
        raise UserError(
            f"{name} needs images of {minimum} pixels or more, not inputs of shape {tuple(shape)}; choose MLP instead"
        )
    return min(shape[1:])
