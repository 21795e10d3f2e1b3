"""Rows with parameters of their own, made from samples and turned back into them."""

from __future__ import annotations

import torch
from torch import Tensor

from hf_distill.errors import UserError
from hf_distill.quantization.base import Granularity, Quantizer


def group_count(granularity: Granularity, shape: tuple[int, ...], classes: int | None) -> int:
    """Return how many rows values of a shape make.

    Args:
        granularity: What has a row of its own.
        shape: ``(M, ...)``; axis 1, where there is one, are the channels.
        classes: Number of classes of samples that are ordered by class, equally many of each; None for a series, whose
            axis 0 are no samples.

    Raises:
        UserError: The values have no such groups.
    """
    if granularity == "tensor":
        return 1
    if granularity == "channel":
        if len(shape) < 2:
            raise UserError("quantizer.granularity channel needs values with channels: choose tensor")
        return shape[1]
    if classes is None:
        raise UserError(f"quantizer.granularity {granularity} needs samples, and this is a series: choose channel")
    if granularity == "sample":
        return shape[0]
    if shape[0] % classes:
        raise UserError(
            f"quantizer.granularity class needs equally many samples of each class, and there are {shape[0]} of "
            f"{classes}: choose tensor, channel or sample"
        )
    return classes


def to_rows(x: Tensor, granularity: Granularity, classes: int | None) -> Tensor:
    """Return values ``(M, ...)`` as rows ``(G, n)``."""
    groups = group_count(granularity, tuple(x.shape), classes)
    return (x.movedim(1, 0) if granularity == "channel" else x).reshape(groups, -1)


def from_rows(rows: Tensor, granularity: Granularity, shape: tuple[int, ...]) -> Tensor:
    """Return rows as values of a shape, the inverse of :func:`to_rows`."""
    if granularity != "channel":
        return rows.reshape(shape)
    moved = (shape[1], shape[0], *shape[2:])
    return torch.movedim(rows.reshape(moved), 0, 1)


@torch.no_grad()
def quantized(x: Tensor, quantizer: Quantizer) -> Tensor:
    """Return samples ``(M, ...)`` as a quantizer that is fitted to them gives them; ``class`` counts as ``tensor``."""
    granularity = quantizer.granularity if quantizer.granularity in ("channel", "sample") else "tensor"
    rows = to_rows(x, granularity, 1)
    quantizer.calibrate(rows)
    values: Tensor = quantizer(rows)
    return from_rows(values, granularity, tuple(x.shape))
