"""The largest set that a budget buys."""

from __future__ import annotations

from collections.abc import Callable


def largest_size(bits: Callable[[int], int], least: int, total: int) -> int:
    """Return the largest size, ``least`` or more, whose ``bits`` are at most ``total``; they grow with the size.

    ``least`` itself is taken to fit.
    """
    low, high = least, 2 * least
    while bits(high) <= total:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if bits(middle) <= total else (low, middle)
    return low
