"""Herding: greedy choice of samples whose mean follows the mean of all."""

from __future__ import annotations

import torch
from torch import Tensor

from hf_distill.selection.base import Selector, checked

_ROWS = 512


class HerdingSelector(Selector):
    """Greedily adds the sample that brings the mean of the chosen ones closest to the mean of all.

    Welling, Herding dynamical weights to learn (ICML 2009), in the form of iCaRL (Rebuffi et al., CVPR 2017).

    Examples:
        >>> import torch
        >>> from hf_distill import HerdingSelector
        >>> features = torch.tensor([[0.0], [0.2], [0.1], [9.0], [9.1], [9.3]])
        >>> HerdingSelector().fit(features).select(2, torch.Generator().manual_seed(0))
        (tensor([3, 1]), tensor([3., 3.]))
    """

    def __init__(self) -> None:
        pass

    def fit(self, features: Tensor) -> HerdingSelector:
        """Keep the features and the distance of each to the mean."""
        features = self._features = checked(features)
        distance = _square_norms(features, features.mean(0))
        self.sensitivities_ = distance / distance.sum().clamp_min(torch.finfo(distance.dtype).tiny)
        return self

    def select(self, k: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """See :class:`Selector`; deterministic."""
        count = self._check(k)
        features = self._features
        norms = _square_norms(features)
        target = features.mean(0)
        total = torch.zeros_like(target)
        taken = torch.zeros(count, dtype=torch.bool, device=features.device)
        chosen = []
        for step in range(1, k + 1):
            # |target - (total + f) / step|^2 up to a constant, without a (N, F) temporary.
            cost = norms / step**2 - 2 / step * (features @ (target - total / step))
            best = int(cost.masked_fill(taken, torch.inf).argmin())
            taken[best] = True
            total = total + features[best]
            chosen.append(best)
        return self._chose(torch.tensor(chosen), torch.full((k,), count / k))


def _square_norms(features: Tensor, centre: Tensor | float = 0.0) -> Tensor:
    """Return every row's squared distance to a point, ``(N,)``, without a second matrix of their size."""
    return torch.cat([(part - centre).square_().sum(1) for part in features.split(_ROWS)])
