"""Real batches: rows that are drawn uniformly, or by probabilities and with weights that make up for them."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from hf_distill.data.batch import Batch
from hf_distill.data.spec import DataSpec
from hf_distill.data.splits import Split
from hf_distill.errors import UserError


def rows_of(split: Split, spec: DataSpec, classes: Sequence[int]) -> list[Tensor]:
    """Return the numbers of the rows of some classes.

    Raises:
        UserError: A class has none.
    """
    parts = [split.class_index(label) for label in classes]
    for label, rows in zip(classes, parts, strict=True):
        if not len(rows):
            raise UserError(
                f"{spec.group_name(label)} has no training samples: choose an objective that draws mixed batches and "
                "--data.class_balance=natural, or leave the class out"
            )
    return parts


def draw_of(
    split: Split, parts: Sequence[Tensor], count: int, generator: torch.Generator, shares: Tensor | None = None
) -> Batch:
    """Draw as many samples of each of some parts of a split, one part after another.

    Without replacement as far as a part reaches; or by probabilities, with replacement, and with weights by which a
    weighted mean over a part's samples is that over all of it on average.

    Args:
        split: The rows.
        parts: Numbers of rows.
        count: Samples of each.
        generator: The source of randomness.
        shares: Probabilities of all rows, ``(N,)``, up to a factor.
    """
    if shares is None:
        orders = [torch.randperm(len(rows), generator=generator).repeat(-(-count // len(rows))) for rows in parts]
        return split.batch(torch.cat([rows[own[:count]] for rows, own in zip(parts, orders, strict=True)]))
    index, weight = [], []
    for rows in parts:
        picks, weights = by_shares(shares[rows], count, generator)
        index.append(rows[picks])
        weight.append(weights)
    batch = split.batch(torch.cat(index))
    batch.w = torch.cat(weight).to(batch.w)
    return batch


def by_shares(shares: Tensor, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Draw numbers by probabilities, with replacement; return them and the weights that make up for it, ``(count,)``.

    Args:
        shares: Probabilities ``(N,)``, up to a factor.
        count: How many.
        generator: The source of randomness.
    """
    own = shares.double()
    picks = torch.multinomial(own, count, replacement=True, generator=generator)
    return picks, own.mean() / own[picks]
