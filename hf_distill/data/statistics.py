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


class Statistics:
    """Sums up samples part by part, for mean and deviation: per channel of images (in [0, 1]), per element of vectors.

    Images of 8 bits are summed as integers: the result is exact and so the same on every machine. Vectors are summed
    in double precision.
    """

    def __init__(self) -> None:
        self._count, self._scale = 0, 1
        self._total = self._square = self._most = self._shift = torch.zeros(())
        self._least: Tensor | None = None

    def add(self, part: Tensor) -> None:
        """Add samples ``(B, *shape)``: images (0 to 255) in parts of any size, vectors of :data:`VECTOR_ROWS` rows."""
        images = part.dim() == 4
        self._scale = 255 if images else 1
        dims, kind = ((0, 2, 3) if images else (0,)), (torch.int64 if part.dtype == torch.uint8 else torch.float64)
        if self._least is None:
            self._least, self._most = part.amin(dims), part.amax(dims)
            self._shift = torch.zeros_like(self._least, dtype=kind) if images else _shift(part)
        self._least = torch.minimum(self._least, part.amin(dims))
        self._most = torch.maximum(self._most, part.amax(dims))
        self._count += part.numel() // part.shape[1]
        self._total, self._square = self._total.to(part.device, kind), self._square.to(part.device, kind)
        for chunk in part.split(max(1, _PIXELS // part[0].numel())) if images else [part]:
            chunk = chunk.to(kind) if images else chunk.to(kind) - self._shift
            self._total = self._total + chunk.sum(dims)
            self._square = self._square + chunk.square().sum(dims)

    def result(self) -> tuple[list[float], list[float]]:
        """Return mean and standard deviation of all that was added."""
        assert self._least is not None
        least, most = self._least, self._most
        mean = self._total.double() / self._count
        std = (self._square.double() / self._count - mean.square()).clamp_min(0).sqrt()
        # A constant channel carries nothing, and neither does one that flickers between two neighbours of its type:
        # dividing by (next to) zero would only magnify that.
        step = torch.finfo(least.dtype).eps if least.is_floating_point() else 0
        constant = (most.double() - least.double()) <= step * torch.maximum(least.double().abs(), most.double().abs())
        std = torch.where(constant, torch.full_like(std, self._scale), std)
        return ((mean + self._shift) / self._scale).tolist(), (std / self._scale).tolist()


def summed(statistics: Statistics, parts: Iterable[Tensor]) -> tuple[list[float], list[float]]:
    """Return mean and standard deviation of samples that come part by part."""
    for part in parts:
        statistics.add(part)
    return statistics.result()


def _shift(part: Tensor) -> Tensor:
    """Return what is subtracted from columns before they are summed: zero where they are not far from it."""
    first = part.double()
    center = first.mean(0)
    far = center.abs() > _FAR * first.std(0, correction=0)
    return torch.where(far, first[0], torch.zeros_like(center))
