"""Copies in a distilled series: pieces of it that are, or nearly are, a piece of the training rows."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from hf_distill.data.series import SeriesData
from hf_distill.evaluation.forecasting import check_series_match
from hf_distill.hub.artifact import DistilledDataset
from hf_distill.seeding import Streams

_CHUNK = 1024
# Values of training rows are held in float32: so far, in deviations, a copy may be from them.
_SAME = 1e-5


def series_copies(artifact: DistilledDataset, real: SeriesData, share: float, most: int, seed: int) -> dict[str, Any]:
    """Compare a series, piece by piece, with every piece of the training rows, and pieces of the test rows likewise.

    A piece is as long as what a forecaster sees, and those of the set do not overlap. There is one measure, the
    distance: the pieces that follow the nearest one are nearly as close, so that the next ones tell nothing.

    Args:
        artifact: The set.
        real: The data that it was made from.
        share: Of test pieces that the threshold lets pass for copies.
        most: Test pieces at most.
        seed: Of which these are.

    Raises:
        UserError: The data are not those of the set.
    """
    check_series_match(artifact.spec, real.spec)
    series = artifact.x if artifact.x.dim() == 3 else artifact.x[None]
    length = min(real.spec.lookback, series.shape[1])
    samples = torch.cat([pieces(own, length, length) for own in series]).flatten(1)
    train, test = (pieces(part.values, length) for part in (real.train, real.test))
    chosen = torch.randperm(len(test), generator=Streams(seed).generator("audited"))[:most].sort().values
    (near, exact), (fresh, _) = (nearest_pieces(own, train) for own in (samples, test[chosen].flatten(1)))
    below = float(torch.quantile(fresh, share))
    return {
        "steps": length,
        "samples": len(samples),
        "exact": int(exact.sum()),
        "near": int(((near < below) & ~exact).sum()),
        "distance_below": below,
        "median_distance": float(near.median()),
        "test_rows": len(fresh),
        "test_rows_near": int((fresh < below).sum()),
        "test_median_distance": float(fresh.median()),
    }


def pieces(values: Tensor, length: int, stride: int = 1) -> Tensor:
    """Return the pieces of a series ``(T, N)`` that are so long, ``(n, length, N)``."""
    return values.unfold(0, length, stride).transpose(1, 2)


def nearest_pieces(points: Tensor, train: Tensor) -> tuple[Tensor, Tensor]:
    """Return the distance of each piece ``(M, F)`` to the nearest training piece, and whether the two are equal.

    Args:
        points: Normalised values of the pieces, flat.
        train: Those of the training rows ``(n, length, N)``.
    """
    best = torch.full((len(points),), torch.inf, dtype=torch.float64)
    equal = torch.zeros(len(points), dtype=torch.bool)
    points = points.to(train)
    for part in torch.arange(len(train)).split(_CHUNK):
        seen = train[part].flatten(1)
        found = torch.cdist(points, seen).min(1)
        best = torch.minimum(best, found.values.double().cpu())
        equal |= ((points - seen[found.indices]).abs().amax(1) <= _SAME).cpu()
    return best, equal
