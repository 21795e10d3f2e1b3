"""k-means: the real samples closest to the centres of clusters."""

from __future__ import annotations

import torch
from torch import Tensor

from hf_distill.errors import UserError
from hf_distill.options import Few
from hf_distill.selection.clusters import ClusterSelector, nearest_distinct


class KMeansSelector(ClusterSelector):
    """Clusters the samples and takes the one closest to each centre, weighted by the size of its cluster.

    Args:
        restarts: Runs of k-means, of which the one with the smallest inertia is kept.
    """

    def __init__(self, *, restarts: Few = 1) -> None:
        self.restarts = restarts

    def cells(self, k: int, generator: torch.Generator) -> list[Tensor]:
        """Return the clusters; see :class:`ClusterSelector`."""
        labels = self._cluster(k, generator)[1]
        return [rows for label in range(k) if len(rows := torch.nonzero(labels == label).flatten())]

    def select(self, k: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """See :class:`Selector`."""
        centres, labels = self._cluster(k, generator)
        distance = torch.cdist(centres, self._features.cpu())
        return nearest_distinct(distance), torch.bincount(labels, minlength=k).float()

    def _cluster(self, k: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Return centres ``(k, F)`` and each sample's cluster ``(N,)``."""
        try:
            from sklearn.cluster import KMeans
        except ImportError as error:
            raise UserError("KMeansSelector needs scikit-learn: pip install 'hf-distill[select]'") from error
        self._check(k)
        seed = int(torch.randint(2**31 - 1, (1,), generator=generator))
        features = self._features.cpu()
        clusters = KMeans(k, n_init=self.restarts, random_state=seed).fit(features.numpy())
        centres = torch.from_numpy(clusters.cluster_centers_).to(features)
        return centres, torch.from_numpy(clusters.labels_).long()
