"""Mean and standard deviation of a dataset's inputs."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

# Vectors summed at once. Part of the result: sums of real numbers depend on their grouping.
VECTOR_ROWS = 4096
# Pixels summed at once, whose sums are exact in any grouping: 8 MiB as integers.
_PIXELS = 2**20


def statistics(parts: Iterable[Tensor]) -> tuple[list[float], list[float]]:
    """Mean and standard deviation: per channel of uint8 images (in [0, 1]), per element of vectors.

    Images are summed as integers: the result is exact and so the same on every machine.

    Args:
        parts: The samples, ``(B, *shape)`` each: images in parts of any size, vectors of :data:`VECTOR_ROWS` rows.
    """
    count, scale = 0, 1
    total = square = torch.zeros(())
    for part in parts:
        images = part.dtype == torch.uint8
        scale = 255 if images else 1
        dims, kind = ((0, 2, 3), torch.int64) if images else ((0,), torch.float64)
        count += part.numel() // part.shape[1]
        total, square = total.to(part.device, kind), square.to(part.device, kind)
        for chunk in part.split(max(1, _PIXELS // part[0].numel())) if images else [part]:
            chunk = chunk.to(kind)
            total = total + chunk.sum(dims)
            square = square + chunk.square().sum(dims)
    mean = total.double() / count
    std = (square.double() / count - mean.square()).clamp_min(0).sqrt()
    # A constant channel carries nothing; dividing by its zero would.
    std = torch.where(std < 1e-6 * scale, torch.full_like(std, scale), std)
    return (mean / scale).tolist(), (std / scale).tolist()
