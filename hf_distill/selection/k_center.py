"""KCenterSelector: rows that no other row is far from."""

from __future__ import annotations

import torch
from torch import Tensor

from hf_distill.selection.base import Selector, checked
from hf_distill.selection.certificate import Certificate

_ROWS = 4096


class KCenterSelector(Selector):
    """Takes again and again the row that is farthest from those that are taken, the first one at random.

    The largest distance of a row to the nearest one that is taken, the radius, is at most twice the best for as many
    rows (Gonzalez, Clustering to minimize the maximum intercluster distance, TCS 1985); Sener and Savarese (ICLR 2018)
    choose training rows so. It takes outliers first.

    Examples:
        >>> import torch
        >>> from hf_distill import KCenterSelector
        >>> features = torch.tensor([[0.0], [0.2], [0.1], [9.0], [9.1], [9.3]])
        >>> KCenterSelector().fit(features).select(2, torch.Generator().manual_seed(0))
        (tensor([2, 5]), tensor([3., 3.]))
    """

    def __init__(self) -> None:
        pass

    def fit(self, features: Tensor) -> KCenterSelector:
        """See :class:`Selector`; a row's importance is its distance to the mean."""
        self._features = checked(features)
        distance = (self._features - self._features.mean(0)).norm(dim=1)
        self.sensitivities_ = distance / distance.sum().clamp_min(torch.finfo(distance.dtype).tiny)
        return self

    def select(self, k: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """See :class:`Selector`; a row counts for those that are nearest to it."""
        count = self._check(k)
        x = self._features
        nearest = torch.full((count,), torch.inf, dtype=x.dtype, device=x.device)
        member = torch.zeros(count, dtype=torch.int64, device=x.device)
        taken = torch.zeros(count, dtype=torch.bool, device=x.device)
        chosen = [int(torch.randint(count, (), generator=generator))]
        while True:
            distance = torch.cat([(part - x[chosen[-1]]).square_().sum(1) for part in x.split(_ROWS)])
            closer = distance < nearest
            member[closer] = len(chosen) - 1
            nearest = torch.minimum(nearest, distance)
            taken[chosen[-1]] = True
            if len(chosen) == k:
                break
            chosen.append(int(nearest.masked_fill(taken, -1).argmax()))
        # A row that equals one before it counts for itself at least.
        member[torch.tensor(chosen, device=x.device)] = torch.arange(k, device=x.device)
        self.radius_ = float(nearest.max().sqrt())
        return self._chose(torch.tensor(chosen), torch.bincount(member, minlength=k).float().cpu())

    def _certify(self, rows: Tensor, weight: Tensor) -> Certificate:
        measured = super()._certify(rows, weight).measured
        return Certificate("radius", len(rows), 1.0, 0.0, measured)
