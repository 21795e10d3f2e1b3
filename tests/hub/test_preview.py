from __future__ import annotations

import numpy as np
import pytest
import torch

from hf_distill.hub import render_preview
from hf_distill.hub.formats.class_grid import _said, class_grid
from hf_distill.hub.formats.curves import curves
from tests.hub.conftest import audio_spec, columns_spec, frames_spec, image_spec, make, signal_spec, vector_spec


def test_small_images_are_enlarged_in_whole_steps() -> None:
    spec = image_spec(1, 8)
    stored = np.zeros((3, 1, 8, 8), np.uint8)
    stored[1, 0, 2, 3] = 255
    picture = np.asarray(render_preview(spec, stored, torch.arange(3)).convert("L"))
    # One row of tiles of 14 x 8 = 112 pixels with gaps of 8, each under a name of 24: one sample of each class.
    assert picture.shape == (112 + 24 + 2 * 8, 3 * 120 + 8)
    tile = picture[8 + 24 : 8 + 24 + 112, 128 : 128 + 112]
    # The lit pixel of the second class is a square of 14.
    assert (tile[28:42, 42:56] == 255).all() and (tile == 255).sum() == 14**2


@pytest.mark.parametrize(("channels", "side"), [(1, 28), (3, 32), (4, 16), (3, 200)])
def test_ten_samples_of_twenty_classes_at_most(channels: int, side: int) -> None:
    spec = image_spec(channels, side, tuple(f"a class with a long name, the {i}th 中" for i in range(22)))
    y = torch.arange(22).repeat_interleave(11)
    stored = np.zeros((len(y), channels, side, side), np.uint8)
    picture = render_preview(spec, stored, y)
    tile = min(side * max(1, 112 // side), 192)
    assert picture.height == 20 * (tile + 8) + 8
    assert 10 * (tile + 8) < picture.width < 10 * (tile + 8) + 220
    first = y.unique_consecutive()
    rows = -(-22 // min(10, 1280 // (tile + 8)))
    assert render_preview(spec, stored[: len(first)], first).height == rows * (tile + 24 + 8) + 8


def test_vectors_are_a_heat_map() -> None:
    spec = vector_spec()
    stored = np.stack([np.asarray(spec.mean), np.asarray(spec.mean) + 10]).astype(np.float32)
    # Two lines of 48 pixels, as wide as five entries are; names of columns and the scale are below.
    picture = np.asarray(render_preview(spec, stored, torch.tensor([0, 1])))
    above, below = picture[8:56, -8 - 1280 : -8], picture[64:112, -8 - 1280 : -8]
    assert (above == 255).all() and (below == (255, 0, 0)).all()
    assert (picture[112:] == (0, 0, 255)).all(-1).any(), "the scale begins with blue"


def test_videos_are_film_strips():
    spec = frames_spec(4, 1, 8)
    stored = np.zeros((6, 4, 1, 8, 8), np.uint8)
    stored[0, 2] = 255  # the first of three videos of the first class
    picture = np.asarray(render_preview(spec, stored, torch.arange(2).repeat_interleave(3)).convert("L"))
    # Two classes of two strips of 14 x 8 = 112 pixels each.
    assert picture.shape[0] == 4 * 112 + 2 * 8 + 3 * 8
    strip = picture[8:120, -8 - 4 * 120 + 8 : -8]
    assert (strip[:, 240:352] == 255).all() and (strip[:, :112] == 0).all() and (strip[:, 360:] == 0).all()


def test_series_are_curves():
    spec = signal_spec(1, 8)
    steps = np.array([-1e3] * 4 + [1e3] * 4, np.float32)
    tile = np.asarray(curves(spec, np.stack([steps] * 2)[:, None]))[:, 128:].astype(int)
    line = tile[..., 2] - tile[..., 0] > 60
    assert tile.shape == (80, 120, 3)
    # As low as there is in the first half of the second series, as high in the second half.
    assert line[-2:, :48].any(0).all() and not line[:-2, :48].any()
    assert line[:2, 72:].any(0).all() and not line[2:, 72:].any()


def test_sounds_are_spectrograms():
    spec = audio_spec(8000)
    time = np.arange(8000) / 8000
    tones = [np.sin(2 * np.pi * hertz * time) * (time > 0.5) for hertz in (300, 3300)]
    stored = np.rint(20000 * np.stack(tones)).astype(np.int16)
    picture = np.asarray(class_grid(spec, stored.repeat(2, 0), torch.tensor([0, 0, 1, 1])).convert("L")).astype(int)
    # Two rows of 28 bands and 48 frames, four pixels each; low bands are below, and time goes from left to right.
    left = (picture[60] < 250).argmax()
    rows = [picture[8 + 120 * place :][:112, left : left + 192] for place in (0, 1)]
    for row, loud in zip(rows, (slice(80, 112), slice(0, 24)), strict=True):
        assert row[:, :80].max() < 60 < 200 < row[loud, 120:].max() and row[56:68, 120:].max() < 120


def test_equal_samples_give_equal_pixels() -> None:
    spec = vector_spec(size=2000)
    stored = np.random.default_rng(0).normal(size=(4, 2000)).astype(np.float32)
    one, two = (render_preview(spec, stored, torch.tensor([0, 1, 1, 0])) for _ in range(2))
    assert one.tobytes() == two.tobytes() and one.width < 1500


def test_cells_are_written_under_each_other_with_the_names_of_their_columns() -> None:
    spec = columns_spec()
    rows = make(spec).stored
    picture = render_preview(spec, rows, torch.zeros(len(rows), dtype=torch.int64))
    assert picture.height > len(rows) * 28 + 3 * 8, "names are below the cells"
    assert _said({"_type": "ClassLabel", "names": ["red", "blue"]}, 1) == "blue"
    assert _said({}, 0.123456) == "0.1235" and _said({}, 3) == "3"
