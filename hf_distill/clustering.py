"""k-means: the library's one, for samples, for the levels of a quantizer and for ranges of patches."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

# Numbers of points that are looked at at once: what a CPU's cache holds, or a GPU's memory.
_CACHE = 2**18
_MEMORY = 2**26
# Lloyd's rounds end where the centres move less than this share of the points' mean variance, as in scikit-learn.
_TOLERANCE = 1e-4


@dataclass(frozen=True)
class Clusters:
    """A division of points.

    Attributes:
        centres: Mean of each cluster, ``(K, F)``.
        labels: The cluster of each point, ``(N,)``; every cluster has a point.
        inertia: Weighted sum of the squared distances of the points to their centres.
    """

    centres: Tensor
    labels: Tensor
    inertia: float


def kmeans(
    points: Tensor,
    k: int,
    generator: torch.Generator,
    *,
    weight: Tensor | None = None,
    restarts: int = 1,
    rounds: int = 100,
    trials: int = 0,
    sampled: int = 0,
) -> Clusters:
    """Divide points into ``k`` clusters of small inertia; fewer where not so many points differ.

    Lloyd's rounds from a k-means++ start (Arthur and Vassilvitskii, SODA 2007), in its greedy form as scikit-learn has
    it. All randomness is drawn on the CPU, so that a result depends on the device by rounding alone.

    Args:
        points: ``(N, F)``.
        k: Clusters.
        generator: The source of randomness, on the CPU.
        weight: Of each point, ``(N,)``; 1 by default.
        restarts: Runs, of which the one with the smallest inertia is kept.
        rounds: Lloyd's rounds at most.
        trials: Points that are tried for each centre of the start, of which the best is taken; 0 for ``2 + log k``.
        sampled: Find the centres from so many random points, and assign all to them; 0 uses all.
    """
    weight = weight if weight is None else weight.to(points)
    # About their mean: distances are differences of products, which are inexact far from zero.
    middle = points.mean(0)
    centred = points - middle
    best: Clusters | None = None
    for _ in range(restarts):
        # In a random order the first point is a random one.
        order = torch.randperm(len(points), generator=generator)[: sampled or None].to(points.device)
        own = None if weight is None else weight[order]
        first = order[start(points[order], k, generator, trials or 2 + int(math.log(k)), own)]
        centres = lloyd(centred[order], centred[first], rounds, own)
        labels, distance = assign(centred, centres)
        inertia = float((distance if weight is None else distance * weight).double().sum())
        if best is None or inertia < best.inertia:
            best = Clusters(centres, labels, inertia)
    assert best is not None
    used = torch.bincount(best.labels, minlength=len(best.centres)) > 0
    return Clusters(best.centres[used] + middle, (used.cumsum(0) - 1)[best.labels], best.inertia)


def start(points: Tensor, k: int, generator: torch.Generator, trials: int, weight: Tensor | None = None) -> Tensor:
    """Return which points a k-means++ start takes, the first one first; as many as differ, ``k`` at most.

    Args:
        points: ``(N, F)``.
        k: Centres.
        generator: The source of randomness.
        trials: Random points, drawn by their squared distance to the centres so far, that are tried for the next one.
        weight: ``(N,)``.
    """
    chosen = [0]
    nearest = _to_point(points, 0)
    centred = points - points.mean(0)
    norms = centred.square().sum(1)
    while len(chosen) < min(k, len(points)) and nearest.max() > 0:
        odds = nearest if weight is None else nearest * weight
        picks = torch.multinomial(odds.cpu(), trials, replacement=trials > 1, generator=generator)
        if trials > 1:
            picks = picks.to(points.device)
            distance = norms - 2 * centred[picks] @ centred.T + norms[picks, None]
            left = torch.minimum(distance.clamp_min(0), nearest)
            left = left.sum(1) if weight is None else left @ weight
            picks = picks[left.argmin()]
        chosen.append(int(picks))
        nearest = torch.minimum(nearest, _to_point(points, chosen[-1]))
    return torch.tensor(chosen, device=points.device)


def lloyd(points: Tensor, centres: Tensor, rounds: int, weight: Tensor | None = None) -> Tensor:
    """Move centres to the means of the points that are closest to them, until they stay; return them ``(K, F)``.

    A centre without points moves to the point that is farthest from its own, where they differ.

    Args:
        points: ``(N, F)``.
        centres: ``(K, F)``.
        rounds: At most.
        weight: ``(N,)``.
    """
    norms = points.square().sum(1)
    least = _TOLERANCE * float(norms.mean() - points.mean(0).square().sum()) / points.shape[1]
    for _ in range(rounds):
        sums, sizes, farthest = torch.zeros_like(centres), torch.zeros_like(centres[:, 0]), []
        for rows in _parts(points):
            part = points[rows]
            distance, member = _nearest(part, centres)
            sums.index_add_(0, member, part if weight is None else part * weight[rows, None])
            sizes += torch.bincount(member, None if weight is None else weight[rows], len(centres))
            farthest.append(distance)
        moved = _means(sums, sizes, centres)
        if not bool((sizes > 0).all()):
            moved = _fill(moved, sizes == 0, points, torch.cat(farthest) + norms)
        shift, centres = float((moved - centres).square().sum()), moved
        if shift <= least:
            break
    return centres


def lloyd_levels(rows: Tensor, levels: Tensor, rounds: int) -> Tensor:
    """Return the levels of k-means of single values, each row's own ``(G, K)``, in increasing order.

    A level that no value is closest to stays where it is.

    Args:
        rows: Values, ``(G, n)``.
        levels: Where to start, in increasing order, ``(G, K)``.
        rounds: How many.
    """
    ones = torch.ones_like(rows)
    for _ in range(rounds):
        member = nearest_levels(levels, rows)
        sums, sizes = (torch.zeros_like(levels).scatter_add_(1, member, own) for own in (rows, ones))
        levels = _means(sums, sizes, levels).sort(1).values
    return levels


def nearest_levels(levels: Tensor, rows: Tensor) -> Tensor:
    """Return the number of the level closest to each value ``(G, n)``, for levels ``(G, K)`` in increasing order."""
    return torch.searchsorted(((levels[:, 1:] + levels[:, :-1]) / 2).contiguous(), rows.contiguous())


def assign(points: Tensor, centres: Tensor) -> tuple[Tensor, Tensor]:
    """Return the centre closest to each point, ``(N,)``, and the squared distance to it."""
    found = [_nearest(points[rows], centres) for rows in _parts(points)]
    distance = torch.cat([own for own, _ in found]) + points.square().sum(1)
    return torch.cat([member for _, member in found]), distance.clamp_min(0)


def _nearest(points: Tensor, centres: Tensor) -> tuple[Tensor, Tensor]:
    """Return the squared distance to the closest centre less the point's own squared norm, and which it is."""
    # Few centres times many points: on a CPU this product takes less than the one of points times centres.
    distance, member = torch.addmm(centres.square().sum(1)[:, None], centres, points.T, alpha=-2).min(0)
    return distance, member


def _means(sums: Tensor, sizes: Tensor, before: Tensor) -> Tensor:
    """Return sums over sizes; where there is nothing, what was there before."""
    sizes = sizes.view(*sizes.shape, *[1] * (sums.ndim - sizes.ndim))
    return torch.where(sizes > 0, sums / torch.where(sizes > 0, sizes, 1), before)


def _fill(centres: Tensor, empty: Tensor, points: Tensor, distance: Tensor) -> Tensor:
    """Move centres that have no points to the points farthest from theirs, as far as these are not their centres."""
    places = empty.nonzero()[:, 0]
    rows = distance.argsort(descending=True)[: len(places)]
    apart = distance[rows] > 0
    return centres.index_copy(0, places[: len(rows)][apart], points[rows[apart]])


def _parts(points: Tensor) -> list[slice]:
    """Return the slices of points that are looked at at once: on a CPU as many as stay in its cache."""
    size = max(1, (_CACHE if points.device.type == "cpu" else _MEMORY) // points.shape[1])
    return [slice(first, first + size) for first in range(0, len(points), size)]


def _to_point(points: Tensor, place: int) -> Tensor:
    # The exact distance: by a product a point would be apart from its equal.
    return torch.cat([(points[rows] - points[place]).square_().sum(1) for rows in _parts(points)])
