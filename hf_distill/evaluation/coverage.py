"""How well some rows stand for all: numbers of a feature space, without any label."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

_ROWS = 4096


@dataclass(frozen=True)
class Coverage:
    """A feature space with rows that others are compared with, alike for every choice.

    Attributes:
        queries: Evenly spaced rows of the source, ``(Q, F)``.
        scale: Root of their mean squared distance to their mean: the unit of distances.
        width: Median distance of a thousand of them: the width of the Gaussian kernel.
        within: Mean of the kernel over all pairs of queries.
    """

    queries: Tensor
    scale: float
    width: float
    within: float

    @classmethod
    def of(cls, features: Tensor, pool: Tensor, most: int = 5000) -> Coverage:
        """Look at features ``(N, F)`` of the rows that stand for all, by their numbers ``(M,)``."""
        rows = pool[torch.linspace(0, len(pool) - 1, min(most, len(pool))).long()]
        queries = features[rows].float()
        scale = float((queries - queries.mean(0)).square().sum(1).mean().sqrt())
        some = queries[:: -(-len(queries) // 1000)]
        width = float(torch.pdist(some).median()) if len(some) > 1 else 1.0
        width = width or 1.0
        share = torch.full((len(queries),), 1 / len(queries), dtype=torch.float64)
        return cls(queries, scale or 1.0, width, float(_mean_kernel(queries, queries, share, width).mean()))

    def distance(self, chosen: Tensor) -> float:
        """Return the mean distance of a row to the nearest of the chosen ones ``(M, F)``, in units of ``scale``."""
        nearest = torch.cat([torch.cdist(part, chosen.float()).amin(1) for part in self.queries.split(_ROWS)])
        return float(nearest.double().mean()) / self.scale

    def discrepancy(self, chosen: Tensor, weight: Tensor) -> float:
        """Return the maximum mean discrepancy between the chosen rows and all, under a Gaussian kernel.

        Args:
            chosen: Features, ``(M, F)``.
            weight: How many rows each stands for, ``(M,)``, in any unit.
        """
        share, chosen = (weight.double() / weight.double().sum()).cpu(), chosen.float()
        between = _mean_kernel(self.queries, chosen, share, self.width).mean()
        own = share @ _mean_kernel(chosen, chosen, share, self.width)
        return float((self.within - 2 * between + own).clamp_min(0).sqrt())


def _mean_kernel(x: Tensor, y: Tensor, share: Tensor, width: float) -> Tensor:
    """Return the mean kernel between each row of x and all of y, ``(N,)``, on the CPU; the shares of y have sum 1."""
    parts = [(torch.cdist(part, y).square() / (-2 * width**2)).exp().double().cpu() for part in x.split(_ROWS)]
    return torch.cat(parts) @ share
