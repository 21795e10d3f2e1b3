"""Uniform random selection: the row that every method has to beat."""

from __future__ import annotations

import torch
from torch import Tensor

from hf_distill.data.rows import RowsData
from hf_distill.features.base import Extractor
from hf_distill.seeding import Streams
from hf_distill.selection.base import Chosen, Selector
from hf_distill.selection.certificate import (
    DELTA,
    QUERIES,
    Certificate,
    bounded_error,
    centre_queries,
    relative_errors,
    spread_of,
)

_ROWS = 4096


class RandomSelector(Selector):
    """Chooses uniformly without replacement.

    Examples:
        >>> import torch
        >>> from hf_distill import RandomSelector
        >>> rows, weights = RandomSelector().fit(torch.zeros(6, 1)).select(2, torch.Generator().manual_seed(0))
        >>> weights  # each stands for three rows
        tensor([3., 3.])
    """

    needs_features = False

    def __init__(self) -> None:
        pass

    def fit(self, features: Tensor) -> RandomSelector:
        """Every sample is as important as another."""
        self._features = features
        self.sensitivities_ = torch.full((len(features),), 1 / len(features))
        return self

    def select(self, k: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """See :class:`Selector`."""
        count = self._check(k)
        return self._chose(torch.randperm(count, generator=generator)[:k], torch.full((k,), count / k))

    def from_stream(self, data: RowsData, features: Extractor, k: int, seed: int) -> Chosen:
        """See :class:`Selector`: every row draws a number, and those with the least are kept."""
        keys, rows = torch.empty(0, dtype=torch.float64), torch.empty(0, dtype=torch.int64)
        for first, block in data.blocks(_ROWS):
            own = torch.rand(len(block), generator=Streams(seed).generator("block", first), dtype=torch.float64)
            keys, rows = torch.cat((keys, own)), torch.cat((rows, torch.arange(first, first + len(block))))
            kept = keys.topk(min(k, len(keys)), largest=False).indices
            keys, rows = keys[kept], rows[kept]
        return Chosen(rows.sort().values, torch.full((len(rows),), len(data) / len(rows)))

    def _certify(self, rows: Tensor, weight: Tensor) -> Certificate:
        queries = centre_queries(self._features, 10)
        share = torch.full((len(self._features),), len(rows) / len(self._features), dtype=torch.float64)
        spread = spread_of(self._features, share, queries)
        epsilon = max(bounded_error(*own, QUERIES, DELTA) for own in spread)
        measured = float(relative_errors(self._features, rows, weight, queries).max())
        # Any row may hold all of a loss: uniform draws have no bound of the total but N.
        return Certificate("kmeans", len(rows), epsilon, DELTA, measured, total=float(len(self._features)))
