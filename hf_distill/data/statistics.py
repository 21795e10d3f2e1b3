"""Mean and standard deviation of a dataset's inputs."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

# Vectors summed at once. Part of the result: sums of real numbers depend on their grouping.
VECTOR_ROWS = 4096
# Pixels summed at once, whose sums are exact in any grouping where they are integers: 8 MiB of those.
_PIXELS = 2**20
# Columns that lie more standard deviations than this away from zero are summed as differences from a value of theirs.
_FAR = 100


def statistics(parts: Iterable[Tensor]) -> tuple[list[float], list[float]]:
    """Mean and standard deviation: per channel of images (in [0, 1]), per element of vectors.

    Images of 8 bits are summed as integers: the result is exact and so the same on every machine. Vectors are summed
    in double precision.

    Args:
        parts: The samples, ``(B, *shape)`` each: images (0 to 255) in parts of any size, vectors of
            :data:`VECTOR_ROWS` rows.
    """
    count, scale = 0, 1
    total = square = torch.zeros(())
    least: Tensor | None = None
    most = shift = total
    for part in parts:
        images = part.dim() == 4
        scale = 255 if images else 1
        dims, kind = ((0, 2, 3) if images else (0,)), (torch.int64 if part.dtype == torch.uint8 else torch.float64)
        if least is None:
            least, most = part.amin(dims), part.amax(dims)
            shift = torch.zeros_like(least, dtype=kind) if images else _shift(part)
        least, most = torch.minimum(least, part.amin(dims)), torch.maximum(most, part.amax(dims))
        count += part.numel() // part.shape[1]
        total, square = total.to(part.device, kind), square.to(part.device, kind)
        for chunk in part.split(max(1, _PIXELS // part[0].numel())) if images else [part]:
            chunk = chunk.to(kind) if images else chunk.to(kind) - shift
            total = total + chunk.sum(dims)
            square = square + chunk.square().sum(dims)
    assert least is not None
    mean = total.double() / count
    std = (square.double() / count - mean.square()).clamp_min(0).sqrt()
    # A constant channel carries nothing, and neither does one that flickers between two neighbours of its type:
    # dividing by (next to) zero would only magnify that.
    step = torch.finfo(least.dtype).eps if least.is_floating_point() else 0
    constant = (most.double() - least.double()) <= step * torch.maximum(least.double().abs(), most.double().abs())
    std = torch.where(constant, torch.full_like(std, scale), std)
    return ((mean + shift) / scale).tolist(), (std / scale).tolist()


def _shift(part: Tensor) -> Tensor:
    """Return what is subtracted from columns before they are summed: zero where they are not far from it."""
    first = part.double()
    center = first.mean(0)
    far = center.abs() > _FAR * first.std(0, correction=0)
    return torch.where(far, first[0], torch.zeros_like(center))
