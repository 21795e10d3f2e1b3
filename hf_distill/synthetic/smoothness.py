"""The total variation: what makes values cost bits when they are coded by their neighbours."""

from __future__ import annotations

from torch import Tensor


def total_variation(values: Tensor) -> Tensor:
    """Return the mean absolute difference of neighbours: in lines and columns of images ``(M, C, H, W)``, summed; along
    the last axis of others.
    """
    axes = [axis for axis in ((-1, -2) if values.ndim > 3 else (-1,)) if values.shape[axis] > 1]
    return sum((values.diff(dim=axis).abs().mean() for axis in axes), values.new_zeros(()))
