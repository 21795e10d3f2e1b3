"""k-means: the real samples closest to the centres of clusters."""

from __future__ import annotations

import torch
from torch import Tensor

from hf_distill.errors import UserError
from hf_distill.selection.base import Selector


class KMeansSelector(Selector):
    """Clusters the samples and takes the one closest to each centre, weighted by the size of its cluster.

    Args:
        restarts: Runs of k-means, of which the one with the smallest inertia is kept.
    """

    def __init__(self, *, restarts: int = 1) -> None:
        self.restarts = restarts

    def fit(self, features: Tensor) -> KMeansSelector:
        """Keep the features and the distance of each to the mean."""
        self._features = features
        distance = (features - features.mean(0)).square().sum(1)
        self.sensitivities_ = distance / distance.sum().clamp_min(torch.finfo(distance.dtype).tiny)
        return self

    def select(self, k: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """See :class:`Selector`."""
        try:
            from sklearn.cluster import KMeans
        except ImportError as error:
            raise UserError("KMeansSelector needs scikit-learn: pip install 'hf-distill[select]'") from error
        self._check(k)
        seed = int(torch.randint(2**31 - 1, (1,), generator=generator))
        features = self._features.cpu()
        clusters = KMeans(k, n_init=self.restarts, random_state=seed).fit(features.numpy())
        centres = torch.from_numpy(clusters.cluster_centers_).to(features)
        distance = torch.cdist(centres, features)
        chosen: list[int] = []
        for row in distance:
            # Two centres can share their closest sample; the second takes its next best.
            if chosen:
                row[chosen] = torch.inf
            chosen.append(int(row.argmin()))
        sizes = torch.bincount(torch.from_numpy(clusters.labels_).long(), minlength=k).float()
        return torch.tensor(chosen), sizes
