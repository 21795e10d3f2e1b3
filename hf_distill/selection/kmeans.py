"""k-means: the real samples closest to the centres of clusters."""

from __future__ import annotations

import torch
from torch import Tensor

from hf_distill.clustering import Clusters, kmeans
from hf_distill.options import Few
from hf_distill.selection.clusters import ClusterSelector, nearest_distinct


class KMeansSelector(ClusterSelector):
    """Clusters the samples and takes the one closest to each centre, weighted by the size of its cluster.

    Args:
        restarts: Runs of k-means, of which the one with the smallest inertia is kept.

    Examples:
        >>> import torch
        >>> from hf_distill import KMeansSelector
        >>> features = torch.tensor([[0.0], [0.2], [0.1], [9.0], [9.1]])
        >>> KMeansSelector().fit(features).select(2, torch.Generator().manual_seed(0))
        (tensor([3, 2]), tensor([2., 3.]))
    """

    def __init__(self, *, restarts: Few = 1) -> None:
        self.restarts = restarts

    def cells(self, k: int, generator: torch.Generator) -> list[Tensor]:
        """Return the clusters; see :class:`ClusterSelector`."""
        found = self._cluster(k, generator)
        return [torch.nonzero(found.labels == label).flatten().cpu() for label in range(len(found.centres))]

    def select(self, k: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """See :class:`Selector`; where fewer than ``k`` samples differ, clusters give several."""
        found = self._cluster(k, generator)
        clusters = torch.arange(k) % len(found.centres)
        distance = torch.cdist(found.centres, self._features)[clusters.to(self._features.device)]
        sizes = torch.bincount(found.labels.cpu()) / torch.bincount(clusters)
        return self._chose(nearest_distinct(distance), sizes[clusters])

    def _cluster(self, k: int, generator: torch.Generator) -> Clusters:
        self._check(k)
        return kmeans(self._features, k, generator, restarts=self.restarts)
