"""Series as pictures: a line a channel, time from left to right."""

from __future__ import annotations

import numpy as np
from PIL import Image as PILImage
from PIL import ImageDraw

from hf_distill.data.spec import DataSpec

_WIDTH, _HEIGHT, _GAP, _ENLARGED = 120, 80, 8, 2
_COLOURS = ("#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e", "#17becf", "#8c564b", "#e377c2")


def curves(spec: DataSpec, stored: np.ndarray) -> PILImage.Image:
    """Draw series of one class side by side, each channel from 3 deviations below its mean to 3 above.

    Args:
        spec: What they are.
        stored: Numbers ``(B, C, T)``, as published; of many channels the first are drawn.
    """
    mean, std = (np.array(part)[:, None] for part in (spec.mean, spec.std))
    heights = np.clip((stored.astype(np.float64) - mean) / std / 6 + 0.5, 0, 1)
    row = PILImage.new("RGB", (len(stored) * (_WIDTH + _GAP) - _GAP, _HEIGHT), "white")
    for place, series in enumerate(heights[:, : len(_COLOURS)]):
        row.paste(_tile(series), (place * (_WIDTH + _GAP), 0))
    return row


def _tile(heights: np.ndarray) -> PILImage.Image:
    """Draw heights of 0 to 1 ``(C, T)``, larger and then reduced, which smooths the lines."""
    size = (_WIDTH * _ENLARGED, _HEIGHT * _ENLARGED)
    tile = PILImage.new("RGB", size, "#f4f4f4")
    draw, across = ImageDraw.Draw(tile), np.linspace(0, size[0] - 1, heights.shape[1])
    for line, colour in zip(heights, _COLOURS, strict=False):
        down = (1 - line) * (size[1] - 1)
        draw.line(list(zip(across.tolist(), down.tolist(), strict=True)), fill=colour, width=_ENLARGED)
    return tile.resize((_WIDTH, _HEIGHT), PILImage.Resampling.BOX)
