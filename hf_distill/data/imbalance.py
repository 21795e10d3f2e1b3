"""Long tails: fewer training rows of one class after another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from datasets import IterableDataset

from hf_distill.data.columns import Columns
from hf_distill.errors import UserError


def long_tail(counts: Sequence[int], factor: float) -> list[int]:
    """Return how many rows of each class stay: ``n_c = n_max * factor^(-c / (C - 1))``, or all where there are fewer.

    The field's profile: Cao et al., Learning Imbalanced Datasets with Label-Distribution-Aware Margin Loss (NeurIPS
    2019). The first class keeps its rows, the last one has ``factor`` times fewer, one at least.

    Args:
        counts: Rows of each class.
        factor: Of the largest class over the smallest.
    """
    last = max(len(counts) - 1, 1)
    kept = [int(max(counts) * factor ** (-place / last) + 1e-9) for place in range(len(counts))]
    return [min(count, max(1, own)) for count, own in zip(counts, kept, strict=True)]


def thinned(train: Any, columns: Columns, factor: float, source: dict[str, Any]) -> Any:
    """Return a training split with a long tail: of every class rows at random, always the same, in their order.

    Args:
        train: The split.
        columns: Its label columns.
        factor: See :func:`long_tail`.
        source: What the specification will say of the source, where it is noted.

    Raises:
        UserError: The split is a stream, or has no classes.
    """
    if isinstance(train, IterableDataset) or not columns.goal.stratified:
        what = "a stream" if isinstance(train, IterableDataset) else "a target that is no class"
        raise UserError(f"data.imbalance_factor leaves out rows of classes, and this is {what}: leave it out")
    values = train[columns.label][:]
    rows: dict[Any, list[int]] = {value: [] for value in sorted(set(values))}
    for place, value in enumerate(values):
        rows[value].append(place)
    generator = torch.Generator().manual_seed(0)
    kept: list[int] = []
    for own, count in zip(rows.values(), long_tail([len(own) for own in rows.values()], factor), strict=True):
        kept += [own[place] for place in torch.randperm(len(own), generator=generator)[:count].tolist()]
    source["imbalance_factor"] = factor
    return train.select(sorted(kept))
