"""Mean and standard deviation of a dataset's inputs."""

from __future__ import annotations

import torch
from torch import Tensor


def statistics(values: Tensor) -> tuple[list[float], list[float]]:
    """Mean and standard deviation: per channel of uint8 images (in [0, 1]), per element of vectors.

    Images are summed as integers: the result is exact and so the same on every machine.
    """
    images = values.dtype == torch.uint8
    dims = (0, 2, 3) if images else (0,)
    kind = torch.int64 if images else torch.float64
    total = square = torch.zeros((), dtype=kind, device=values.device)
    for chunk in values.split(4096):
        chunk = chunk.to(kind)
        total = total + chunk.sum(dims)
        square = square + chunk.square().sum(dims)
    count, scale = values.numel() // values.shape[1], 255 if images else 1
    mean = total.double() / count
    std = (square.double() / count - mean.square()).clamp_min(0).sqrt()
    # A constant channel carries nothing; dividing by its zero would.
    std = torch.where(std < 1e-6 * scale, torch.full_like(std, scale), std)
    return (mean / scale).tolist(), (std / scale).tolist()
