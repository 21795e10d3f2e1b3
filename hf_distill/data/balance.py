"""Shares of the classes in a set."""

from __future__ import annotations

from collections.abc import Sequence


def proportional(counts: Sequence[int], total: int) -> list[int]:
    """Share ``total`` samples in proportion to ``counts``; largest remainders make the sum exact."""
    shares = [total * count / sum(counts) for count in counts]
    quota = [int(share) for share in shares]
    order = sorted(range(len(counts)), key=lambda label: quota[label] - shares[label])
    for label in order[: total - sum(quota)]:
        quota[label] += 1
    return quota
