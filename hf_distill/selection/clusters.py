"""ClusterSelector: selectors that divide the samples into cells, each with a centre."""

from __future__ import annotations

from abc import abstractmethod

import torch
from torch import Tensor

from hf_distill.selection.base import Selector, checked


class ClusterSelector(Selector):
    """Finds ``k`` cells of samples; the sample closest to a cell's mean stands for it."""

    def fit(self, features: Tensor) -> ClusterSelector:
        """Keep the features and the distance of each to the mean."""
        features = self._features = checked(features)
        distance = (features - features.mean(0)).square().sum(1)
        self.sensitivities_ = distance / distance.sum().clamp_min(torch.finfo(distance.dtype).tiny)
        return self

    @abstractmethod
    def cells(self, k: int, generator: torch.Generator) -> list[Tensor]:
        """Return the row numbers of ``k`` cells, none of them empty; cells of a tree may lie in each other."""

    def select(self, k: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """See :class:`Selector`; a sample counts for the cell with the closest centre."""
        cells = self.cells(k, generator)
        features = self._features.cpu()
        distance = torch.cdist(torch.stack([features[rows].mean(0) for rows in cells]), features)
        return self._chose(nearest_distinct(distance), torch.bincount(distance.argmin(0), minlength=k).float())


def nearest_distinct(distance: Tensor) -> Tensor:
    """Return for each centre its closest sample that no centre before it has taken, from distances ``(k, N)``."""
    chosen: list[int] = []
    for row in distance:
        free = row.clone()
        free[chosen] = torch.inf
        chosen.append(int(free.argmin()))
    return torch.tensor(chosen)
