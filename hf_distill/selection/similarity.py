"""How alike rows are: what facility location and graph cut choose by."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from typing_extensions import Self

ROWS = 4096


@dataclass(frozen=True)
class Similarity:
    """``exp(-d^2 / m)`` to some reference rows, for the median m of the squared distances.

    Attributes:
        reference: ``(R, F)``.
        width: ``m``.
    """

    reference: Tensor
    width: float

    @classmethod
    def of(cls, features: Tensor, exact: int) -> Self:
        """Compare with all rows ``(N, F)`` up to ``exact``, above it with so many random ones."""
        count, generator = len(features), torch.Generator().manual_seed(0)
        rows = torch.arange(count) if count <= exact else torch.randperm(count, generator=generator)[:exact]
        reference = features[rows.to(features.device)]
        some = reference[:1024]
        apart = torch.pdist(some).square() if len(some) > 1 else some.new_ones(1)
        return cls(reference, float(apart.median().clamp_min(1e-12)))

    def __call__(self, x: Tensor) -> Tensor:
        """Return the similarities of rows ``(B, F)``, ``(B, R)``."""
        return self.between(x, self.reference)

    def between(self, x: Tensor, y: Tensor) -> Tensor:
        """Return the similarities of rows ``(B, F)`` and others ``(M, F)``, ``(B, M)``."""
        return torch.cdist(x, y).square_().div_(-self.width).exp_()

    def sums(self, x: Tensor) -> Tensor:
        """Return the sum of each row's similarities to the reference, ``(N,)``."""
        return torch.cat([self(part).sum(1) for part in x.split(ROWS)])


def standing_for(features: Tensor, chosen: Tensor) -> Tensor:
    """Return for how many rows ``(N, F)`` each chosen one ``(k,)`` is the nearest, itself at least, ``(k,)``."""
    centres = features[chosen.to(features.device)]
    member = torch.cat([torch.cdist(part, centres).argmin(1) for part in features.split(ROWS)]).cpu()
    member[chosen] = torch.arange(len(chosen))
    return torch.bincount(member, minlength=len(chosen)).float()
