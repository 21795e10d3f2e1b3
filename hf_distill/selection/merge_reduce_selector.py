"""MergeReduceSelector: a k-means coreset of more rows than memory holds."""

from __future__ import annotations

import torch
from torch import Tensor

from hf_distill.data.rows import RowsData
from hf_distill.features.base import Extractor
from hf_distill.options import PositiveInt
from hf_distill.ranks import Ranks
from hf_distill.selection.base import Chosen, Selector, enough
from hf_distill.selection.certificate import Certificate, centre_losses, query_centres
from hf_distill.selection.kmeans_sensitivity import kmeans_bounds
from hf_distill.selection.merge_reduce import MergeReduce

# Losses that a choice from a stream is measured by: each takes a look at every row.
_QUERIES = 8


class MergeReduceSelector(Selector):
    """Draws rows by their sensitivity for k-means, block by block: for streams, and tables that memory does not hold.

    See :class:`MergeReduce`. Each process has its own blocks of a stream, and all have the same rows in the end, those
    that one process alone would have.

    Args:
        centres: k, of the costs that are to be kept.
        block: Rows that are read and reduced at once, more than are selected.
        sampled: Rows of a block that centres are found from.

    Examples:
        >>> import torch
        >>> from hf_distill import MergeReduceSelector
        >>> features, generator = torch.randn(100, 4, generator=torch.Generator().manual_seed(0)), torch.Generator()
        >>> rows, weights = MergeReduceSelector(centres=2, block=50).fit(features).select(30, generator)
        >>> len(rows), 50 < float(weights.sum()) < 200  # 100 on average
        (30, True)
    """

    def __init__(self, *, centres: PositiveInt = 10, block: PositiveInt = 8192, sampled: PositiveInt = 1024) -> None:
        self.centres = centres
        self.block = block
        self.sampled = sampled

    def fit(self, features: Tensor) -> MergeReduceSelector:
        """See :class:`Selector`."""
        self._features = features
        return self

    @property
    def sensitivities_(self) -> Tensor:  # type: ignore[override]
        """See :class:`Selector`; found when they are asked for, from all rows at once."""
        generator = torch.Generator().manual_seed(0)
        bounds = kmeans_bounds(self._features, None, self.centres, 1, generator, sampled=self.sampled).cpu()
        return bounds / bounds.sum()

    def select(self, k: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """See :class:`Selector`."""
        enough(k, len(self._features))
        stream = self._stream(k, int(torch.randint(2**62, (), generator=generator)))
        for part in self._features.split(self.block):
            stream.add(part.cpu())
        found = stream.result()
        return self._chose(found.rows, found.weight)

    def from_stream(self, data: RowsData, features: Extractor, k: int, seed: int) -> Chosen:
        """See :class:`Selector`.

        Raises:
            UserError: A feature is not finite, or its square overflows.
        """
        ranks = Ranks.together()
        stream, blocks = self._stream(k, seed), features.blocks(data, self.block, ranks)
        losses, sums = None, torch.zeros(_QUERIES, dtype=torch.float64)
        while True:
            first, seen = next(blocks, (0, torch.empty(0, 0)))
            seen = seen.cpu()
            leaves = ranks.gathered((stream.leaf(seen, first), len(seen)) if len(seen) else None)
            if not any(leaves):
                break
            for leaf in filter(None, leaves):
                stream.push(*leaf)
            if losses is None:  # of the first block, which is the first process's
                centres = query_centres(seen, self.centres, _QUERIES) if ranks.is_first else []
                losses = centre_losses(ranks.from_first(centres))
            if len(seen):
                sums += losses(seen).double().sum(0)
        found = stream.result()
        assert losses is not None
        full = torch.stack(ranks.gathered(sums)).sum(0)
        errors = (found.weight.double() @ losses(found.features).double() - full).abs()
        measured = float((errors / full.clamp_min(torch.finfo(full.dtype).tiny)).max())
        order = found.rows.argsort()
        certificate = Certificate("kmeans", len(order), None, None, measured, _QUERIES)
        return Chosen(found.rows[order], found.weight[order], certificate)

    def _stream(self, k: int, seed: int) -> MergeReduce:
        return MergeReduce(size=k, centres=self.centres, block=max(self.block, k + 1), sampled=self.sampled, seed=seed)
