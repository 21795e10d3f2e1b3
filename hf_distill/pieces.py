"""Flat rows and the pieces that they are made of."""

from __future__ import annotations

import math
from collections.abc import Sequence

from torch import Tensor


def pieces(x: Tensor, shapes: Sequence[Sequence[int]]) -> list[Tensor]:
    """Return the pieces ``(B, *shape)`` of flat rows ``(B, D)``, one after another."""
    found, start = [], 0
    for shape in shapes:
        stop = start + math.prod(shape)
        found.append(x[:, start:stop].reshape(len(x), *shape))
        start = stop
    return found
