"""KMeansSensitivitySelector: rows drawn by their sensitivity for k-means."""

from __future__ import annotations

import math
from typing import Annotated

import torch
from torch import Tensor

from hf_distill.clustering import assign, start
from hf_distill.options import PositiveInt, Range, Seed
from hf_distill.selection.base import checked
from hf_distill.selection.certificate import Queries, centre_queries
from hf_distill.selection.importance import ImportanceSelector

# Of k-means++ with twice as many centres: 8 (1 + 1.618 / (2 - 1)) times the best cost of k centres on average (Wei,
# NIPS 2016), and so twice that with a probability of a half.
_ALPHA = 2 * 8 * 2.618


class KMeansSensitivitySelector(ImportanceSelector):
    """A coreset for k-means: its weighted cost is near that of all rows, for any centres.

    A row ``x`` in cell ``b`` of centres ``B`` has a share of any cost of k centres of at most

        ``2 a d(x, B)^2 / C + 4 a C_b / (|b| C) + 4 / |b|``

    where ``C`` is the cost of ``B``, ``C_b`` that of the cell and ``a`` how many times the best cost of k centres ``C``
    may be; the sum is ``6 a + 4 |B|`` (Langberg and Schulman, SODA 2010; Feldman and Langberg, STOC 2011; in this form
    Bachem, Lucic and Krause, Practical Coreset Constructions, 2017). ``B`` are twice as many centres as are asked for
    by k-means++ (Wei, A Constant-Factor Bi-Criteria Approximation Guarantee for k-means++, NIPS 2016), the best of
    several starts. Ours: rows are drawn without replacement, at the probabilities that the sources draw with.

    Args:
        centres: k, of the costs that are to be kept.
        starts: Starts of which the best is kept: the factor ``a`` is wrong with a probability of ``2^-starts``.
        seed: Of the starts.

    Examples:
        >>> import torch
        >>> from hf_distill import KMeansSensitivitySelector
        >>> features, generator = torch.randn(100, 4, generator=torch.Generator().manual_seed(0)), torch.Generator()
        >>> rows, weights = KMeansSensitivitySelector(centres=2).fit(features).select(30, generator)
        >>> len(rows), 50 < float(weights.sum()) < 200  # 100 on average
        (30, True)
    """

    def __init__(self, *, centres: PositiveInt = 10, starts: Annotated[int, Range(1, 100)] = 6, seed: Seed = 0) -> None:
        self.centres = centres
        self.starts = starts
        self.seed = seed

    def fit(self, features: Tensor) -> KMeansSensitivitySelector:
        """See :class:`Selector`."""
        features = checked(features)
        generator = torch.Generator().manual_seed(self.seed)
        self._bounded(features, kmeans_bounds(features, None, 2 * self.centres, self.starts, generator).cpu())
        return self

    def _queries(self) -> Queries:
        return centre_queries(self._features, self.centres, seed=self.seed + 1)


def kmeans_bounds(
    features: Tensor,
    weight: Tensor | None,
    centres: int,
    starts: int,
    generator: torch.Generator,
    sampled: int = 0,
) -> Tensor:
    """Return the bound of every row's sensitivity, ``(N,)``; see :class:`KMeansSensitivitySelector`.

    Args:
        features: ``(N, F)``.
        weight: How often a row counts, ``(N,)``; 1 by default.
        centres: Of ``B``.
        starts: Starts of ``B``.
        generator: Randomness of the starts.
        sampled: Find ``B`` from so many random rows; 0 takes all.
    """
    centred = features - features.mean(0)
    best: tuple[float, Tensor, Tensor] | None = None
    own = torch.ones(len(features), device=features.device) if weight is None else weight.to(features)
    for _ in range(starts):
        # In a random order the first centre is a random row.
        order = torch.randperm(len(features), generator=generator)[: sampled or None].to(features.device)
        if weight is not None:  # as often as it counts
            first = int(torch.multinomial(own[order].cpu(), 1, generator=generator))
            order[[0, first]] = order[[first, 0]]
        chosen = order[start(centred[order], centres, generator, 1, own[order])]
        member, distance = assign(centred, centred[chosen])
        cost = float((own * distance).double().sum())
        if best is None or cost < best[0]:
            best = cost, member, distance
    assert best is not None
    _, member, distance = best
    cost, distance, own = max(best[0], math.ulp(0.0)), distance.double(), own.double()
    sizes = torch.bincount(member, own, centres)
    costs = torch.bincount(member, own * distance, centres)
    inner = 2 * _ALPHA * distance + 4 * _ALPHA * (costs / sizes.clamp_min(1e-300))[member]
    return own * ((inner / cost if best[0] > 0 else inner * 0) + 4 / sizes[member])
