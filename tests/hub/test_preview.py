from __future__ import annotations

import numpy as np
import pytest
import torch

from hf_distill.hub import render_preview
from tests.hub.conftest import audio_spec, frames_spec, image_spec, vector_spec


def test_small_images_are_enlarged_in_whole_steps() -> None:
    spec = image_spec(1, 8)
    stored = np.zeros((3, 1, 8, 8), np.uint8)
    stored[1, 0, 2, 3] = 255
    picture = np.asarray(render_preview(spec, stored, torch.arange(3)).convert("L"))
    # Three rows of 7 x 8 = 56 pixels with gaps of 4; the lit pixel of the second class is a square of 7.
    assert picture.shape[0] == 3 * 56 + 4 * 4
    tile = picture[4 + 60 : 4 + 60 + 56, -4 - 56 : -4]
    assert (tile[14:21, 21:28] == 255).all() and (tile == 255).sum() == 49


@pytest.mark.parametrize(("channels", "side"), [(1, 28), (3, 32), (4, 16), (3, 200)])
def test_ten_samples_of_twenty_classes_at_most(channels: int, side: int) -> None:
    spec = image_spec(channels, side, tuple(f"a class with a long name, the {i}th 中" for i in range(22)))
    y = torch.arange(22).repeat_interleave(11)
    stored = np.zeros((len(y), channels, side, side), np.uint8)
    picture = render_preview(spec, stored, y)
    tile = min(side * max(1, 56 // side), 96)
    assert picture.height == 20 * (tile + 4) + 4
    assert 10 * (tile + 4) < picture.width < 10 * (tile + 4) + 110


def test_vectors_are_a_heat_map() -> None:
    spec = vector_spec()
    stored = np.stack([np.asarray(spec.mean), np.asarray(spec.mean) + 10]).astype(np.float32)
    colours = {colour for _, colour in render_preview(spec, stored, torch.tensor([0, 1])).getcolors()}
    assert (255, 255, 255) in colours and (255, 0, 0) in colours and (0, 0, 255) not in colours


def test_videos_are_film_strips():
    spec = frames_spec(4, 1, 8)
    stored = np.zeros((6, 4, 1, 8, 8), np.uint8)
    stored[0, 2] = 255  # the first of three videos of the first class
    picture = np.asarray(render_preview(spec, stored, torch.arange(2).repeat_interleave(3)).convert("L"))
    # Two classes of two strips of 7 x 8 = 56 pixels each.
    assert picture.shape[0] == 4 * 56 + 2 * 4 + 3 * 4
    strip = picture[4:60, -4 - 4 * 60 + 4 : -4]
    assert (strip[:, 120:176] == 255).all() and (strip[:, :56] == 0).all() and (strip[:, 180:] == 0).all()


def test_sounds_are_spectrograms():
    spec = audio_spec(8000)
    time = np.arange(8000) / 8000
    tones = [np.sin(2 * np.pi * hertz * time) * (time > 0.5) for hertz in (300, 3300)]
    stored = np.rint(20000 * np.stack(tones)).astype(np.int16)
    picture = np.asarray(render_preview(spec, stored, torch.tensor([0, 1])).convert("L")).astype(int)
    # Two rows of 28 bands and 48 frames, doubled; low bands are below, and time goes from left to right.
    assert picture.shape[0] == 2 * 56 + 3 * 4
    rows = [picture[4 + 60 * place :][:56, -4 - 96 : -4] for place in (0, 1)]
    for row, loud in zip(rows, (slice(40, 56), slice(0, 12)), strict=True):
        assert row[:, :40].max() < 60 < 200 < row[loud, 60:].max() and row[28:34, 60:].max() < 120


def test_equal_samples_give_equal_pixels() -> None:
    spec = vector_spec(size=2000)
    stored = np.random.default_rng(0).normal(size=(4, 2000)).astype(np.float32)
    one, two = (render_preview(spec, stored, torch.tensor([0, 1, 1, 0])) for _ in range(2))
    assert one.tobytes() == two.tobytes() and one.width < 800
