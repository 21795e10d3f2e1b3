"""Sounds as pictures: the bands of the mel scale from low (below) to high, time from left to right."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image as PILImage

from hf_distill.data.spec import DataSpec
from hf_distill.networks.mel import LogMel

_BANDS, _SCALE, _WIDTH, _GAP = 28, 4, 192, 8
# From silence to the loudest place: dark blue, violet, orange, light yellow.
_COLOURS = np.array([(13, 8, 60), (110, 20, 120), (205, 70, 80), (250, 160, 50), (250, 250, 190)], np.float64)


def spectrograms(spec: DataSpec, stored: np.ndarray) -> PILImage.Image:
    """Draw sounds of one class side by side, each 40 decibels deep from its loudest place.

    Args:
        spec: What they are.
        stored: int16 ``(B, T)``, as published.
    """
    rate, length = int(spec.about["sampling_rate"]), spec.shape[0]
    # As many bands as a window of 64 ms, or of a short sound, can tell apart.
    window = min(0.064, length / rate)
    bands = max(2, min(_BANDS, int(window * rate) // 16))
    heard = LogMel(length, rate, bands, min(_WIDTH // _SCALE, length), window)(torch.from_numpy(stored.copy()).float())
    tiles = [_tile(image.numpy()) for image in heard[:, 0]]
    row = PILImage.new("RGB", (len(tiles) * (tiles[0].width + _GAP) - _GAP, tiles[0].height), "white")
    for place, tile in enumerate(tiles):
        row.paste(tile, (place * (tile.width + _GAP), 0))
    return row


def _tile(levels: np.ndarray) -> PILImage.Image:
    """Turn levels of -2 to 2, the lowest band first, into colours."""
    place = np.clip((levels[::-1] + 2) / 4, 0, 1) * (len(_COLOURS) - 1)
    colours = np.stack([np.interp(place, range(len(_COLOURS)), part) for part in _COLOURS.T], -1)
    tile = PILImage.fromarray(colours.round().astype(np.uint8))
    return tile.resize((tile.width * _SCALE, tile.height * _SCALE), PILImage.Resampling.NEAREST)
