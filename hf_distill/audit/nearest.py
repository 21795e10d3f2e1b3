"""The training rows that samples are closest to, and which samples are copies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from hf_distill.data.spec import DataSpec
from hf_distill.data.splits import Split
from hf_distill.features.base import Features

_CHUNK = 1024


@dataclass(frozen=True)
class Nearest:
    """The closest training row of each of some samples.

    Attributes:
        rows: Their numbers ``(M,)``.
        distances: How far they are ``(M,)``.
        ratios: The same in units of the mean distance of the next ones ``(M,)``: about 1 where a sample lies among many
            rows, about 0 beside one of them alone.
    """

    rows: Tensor
    distances: Tensor
    ratios: Tensor


def nearest_rows(points: Tensor, features: Features, train: Split, neighbours: int) -> Nearest:
    """Return the closest training rows of samples by the distance of their features.

    Args:
        points: Features of the samples ``(M, F)``.
        features: The space.
        train: The training rows.
        neighbours: Further rows whose mean distance is the unit of ``ratios``.
    """
    kept = min(neighbours + 1, len(train))
    squares = points.new_full((len(points), 0), 0.0)
    rows = torch.zeros(len(points), 0, dtype=torch.int64, device=points.device)
    for part in torch.arange(len(train)).split(_CHUNK):
        seen = features.rows(train, part)
        squares = torch.cat([squares, torch.cdist(points, seen).square()], 1)
        rows = torch.cat([rows, part.to(rows.device).expand(len(points), -1)], 1)
        order = squares.topk(min(kept, squares.shape[1]), largest=False).indices
        squares, rows = squares.gather(1, order), rows.gather(1, order)
    # Differences of large numbers are rounded: those of the few that are left are taken again.
    found = [(features.rows(train, own.cpu()) - point).norm(dim=1) for own, point in zip(rows, points, strict=True)]
    distances, order = torch.stack(found).sort(1)
    rest = distances[:, 1:].mean(1) if kept > 1 else distances[:, 0]
    ratios = distances[:, 0] / rest.clamp_min(1e-12)
    return Nearest(rows.gather(1, order)[:, 0].cpu(), distances[:, 0].cpu(), ratios.cpu())


def copied(stored: Sequence[Any] | np.ndarray, spec: DataSpec, train: Split) -> Tensor:
    """Return which samples are equal to a training row in every stored value, ``(M,)``.

    Args:
        stored: The published values of the samples, a row each.
        spec: What the training rows are.
        train: The training rows.
    """
    keys = [_key(row) for row in stored]
    wanted, found = set(keys), set()
    for part in torch.arange(len(train)).split(_CHUNK):
        found |= wanted.intersection(map(_key, stored_rows(spec, train, part)))
    return torch.tensor([key in found for key in keys])


def stored_rows(spec: DataSpec, split: Split, rows: Tensor) -> np.ndarray:
    """Return rows of a split as they would be published."""
    source = split.source(rows)
    return spec.form.store(spec, split.batch(rows).x) if source is None else source


def _key(row: Any) -> Any:
    if isinstance(row, np.ndarray):
        return repr(row.tolist()) if row.dtype == object else row.tobytes()
    return row if isinstance(row, str) else repr(row)
