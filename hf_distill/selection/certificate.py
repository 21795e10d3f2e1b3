"""Certificate: what is proved of a weighted choice of rows, beside what was measured."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from hf_distill.clustering import start

Queries = Callable[[Tensor], Tensor]
"""Maps features ``(B, F)`` to the loss of each row under each of some queries, ``(B, Q)``, none of them negative."""

#: Queries that a certificate is about, and the probability with which it may fail.
QUERIES, DELTA = 32, 0.05
_ROWS = 4096


@dataclass(frozen=True)
class Certificate:
    """How far the weighted sum of a loss over the chosen rows may be from its sum over all rows.

    Attributes:
        loss: Which loss: ``kmeans`` (squared distance to the nearest of some centres), ``ridge`` (squared error and
            ridge), ``radius``, ``coverage``.
        size: Rows that were chosen.
        epsilon: The proved bound of the relative error, of all ``queries`` at once; None where nothing is proved.
        delta: The probability with which the draw may break the bound; 0 of a bound that always holds.
        measured: The largest relative error of the choice under these queries, which the draw knew nothing of.
        queries: How many.
        total: Bound of the total sensitivity, the sum over the rows of ``sup_q f(q, row) / sum f(q)``.
        sample_size: Rows that this total asks for ``epsilon``, whatever the queries are, so many of them.

    Examples:
        >>> import torch
        >>> from hf_distill import KCenterSelector
        >>> selector = KCenterSelector().fit(torch.tensor([[0.0], [1.0], [9.0]]))
        >>> rows, weights = selector.select(2, torch.Generator().manual_seed(0))
        >>> selector.certificate_.loss, selector.certificate_.epsilon  # the radius is at most twice the best
        ('radius', 1.0)
    """

    loss: str
    size: int
    epsilon: float | None
    delta: float | None
    measured: float
    queries: int = QUERIES
    total: float | None = None
    sample_size: int | None = None


def bounded_error(variance: float, largest: float, queries: int, delta: float) -> float:
    """Return Bernstein's bound of the relative error of ``queries`` sums at once, but with probability ``delta``.

    Args:
        variance: ``sum (1 - p) / p a^2``, for the share ``a`` of each row in a sum and its probability ``p``.
        largest: The largest ``a / p`` of the rows with ``p < 1``.
        queries: How many sums.
        delta: The probability.
    """
    log = math.log(2 * queries / delta)
    linear = largest * log / 3
    return linear + math.sqrt(linear**2 + 2 * variance * log)


def needed_size(total: float, epsilon: float, queries: int, delta: float) -> int:
    """Return how many rows the bound asks for where they are drawn by sensitivities of some total."""
    return math.ceil(2 * total * math.log(2 * queries / delta) * (1 + epsilon / 3) / epsilon**2)


def relative_errors(features: Tensor, rows: Tensor, weight: Tensor, queries: Queries) -> Tensor:
    """Return the relative error of the weighted sum of rows under each query, ``(Q,)``."""
    full = torch.stack([queries(part).double().sum(0) for part in features.split(_ROWS)]).sum(0)
    parts = zip(rows.split(_ROWS), weight.double().split(_ROWS), strict=True)
    found = torch.stack([(w[:, None].to(features.device) * queries(features[own]).double()).sum(0) for own, w in parts])
    return ((found.sum(0) - full) / full.clamp_min(torch.finfo(torch.float64).tiny)).abs()


def spread_of(features: Tensor, inclusion: Tensor, queries: Queries) -> list[tuple[float, float]]:
    """Return ``variance`` and ``largest`` of :func:`bounded_error` for each query.

    Args:
        features: ``(N, F)``.
        inclusion: The probability of each row to be chosen, ``(N,)``.
        queries: Losses.
    """
    inclusion = inclusion.to(features.device)
    full = torch.stack([queries(part).double().sum(0) for part in features.split(_ROWS)]).sum(0)
    full = full.clamp_min(torch.finfo(torch.float64).tiny)
    variance, largest = torch.zeros_like(full), torch.zeros_like(full)
    for part, p in zip(features.split(_ROWS), inclusion.split(_ROWS), strict=True):
        share = queries(part).double() / full
        variance += ((1 - p) / p) @ share.square()
        largest = torch.maximum(largest, (share / p[:, None])[p < 1].amax(0) if bool((p < 1).any()) else largest)
    return list(zip(variance.tolist(), largest.tolist(), strict=True))


def centre_queries(features: Tensor, centres: int, queries: int = QUERIES, seed: int = 0) -> Queries:
    """Return k-means losses that no choice of rows knows of: random rows as centres, and starts of k-means++.

    Args:
        features: ``(N, F)``.
        centres: Of each query, fewer where there are fewer rows.
        queries: How many; every second one is a start of k-means++, which is close to the best centres.
        seed: Of the queries.
    """
    return centre_losses(query_centres(features, centres, queries, seed))


def query_centres(features: Tensor, centres: int, queries: int = QUERIES, seed: int = 0) -> list[Tensor]:
    """Return the centres of :func:`centre_queries`, one ``(K, F)`` for each query."""
    generator = torch.Generator().manual_seed(seed)
    found = []
    for query in range(queries):
        rows = torch.randperm(len(features), generator=generator)[: max(2048, centres)].to(features.device)
        if query % 2:
            own = features[rows][start(features[rows], centres, generator, trials=1)]
        else:
            own = features[rows[:centres]]
        found.append(own)

    return found


def centre_losses(centres: Sequence[Tensor]) -> Queries:
    """Return the k-means losses of some lists of centres ``(K, F)``."""
    return lambda x: torch.stack([torch.cdist(x, own).square().amin(1) for own in centres], 1)
