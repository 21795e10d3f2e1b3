"""Shares of the classes in a set."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from hf_distill.errors import UserError

if TYPE_CHECKING:
    from hf_distill.data.spec import DataSpec


def proportional(counts: Sequence[int], total: int) -> list[int]:
    """Share ``total`` samples in proportion to ``counts``; largest remainders make the sum exact."""
    shares = [total * count / sum(counts) for count in counts]
    quota = [int(share) for share in shares]
    order = sorted(range(len(counts)), key=lambda label: quota[label] - shares[label])
    for label in order[: total - sum(quota)]:
        quota[label] += 1
    return quota


def quota(spec: DataSpec, per_class: int, class_balance: str) -> list[int]:
    """Return how many samples of each class a set has: as many of each (``equal``), or by the classes' shares.

    Raises:
        UserError: A class has fewer rows.
    """
    if class_balance == "equal":
        check_counts(spec, per_class)
        return [per_class] * spec.num_groups
    counts = spec.class_counts
    return proportional(counts, min(per_class * len(counts), sum(counts)))


def check_counts(spec: DataSpec, per_class: int) -> None:
    """Check that every class has so many samples.

    Raises:
        UserError: A class has fewer; the message names the smallest one.
    """
    counts = spec.class_counts
    if min(counts) < per_class:
        label = counts.index(min(counts))
        raise UserError(
            f"{spec.group_name(label)} has {counts[label]} samples, fewer than the {per_class} asked for each class: "
            f"ask for {counts[label]} or fewer, or leave the class out"
        )
