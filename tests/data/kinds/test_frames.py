"""Videos are the images that ``datasets`` shows to their owner, frame by frame."""

from __future__ import annotations

import io

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from datasets import ClassLabel, Dataset, Features, Image, List
from PIL import Image as PILImage

from hf_distill.data import RealData
from hf_distill.data.png import encode_png
from hf_distill.errors import ArtifactError, UserError
from hf_distill.hub import tables

NUMBERS = np.random.default_rng(0)


def videos(*frames, channels=1, side=8):
    return [NUMBERS.integers(0, 256, (count, channels, side, side)).astype(np.uint8) for count in frames]


def table(clips, mode=None):
    features = Features({"clip": List(Image(mode=mode)), "label": ClassLabel(names=["a", "b"])})
    values = [[{"bytes": encode_png(frame), "path": None} for frame in clip] for clip in clips]
    return Dataset.from_dict({"clip": values, "label": [k % 2 for k in range(len(clips))]}, features=features)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("storage", ["memory", "arrow"])
def test_frames_are_what_their_owner_sees(channels, storage):
    clips = videos(5, 5, 5, 5, channels=channels)
    made = table(clips)
    real = RealData.from_dataset(made, made, storage=storage).setup()
    spec = real.spec
    assert (spec.kind, spec.task, spec.shape) == ("frames", "video-classification", (5, channels, 8, 8))
    raw = real.train.raw(torch.arange(4)).numpy()
    for clip, row in zip(raw, made, strict=True):
        seen = np.stack([np.asarray(frame).reshape(8, 8, channels) for frame in row["clip"]]).transpose(0, 3, 1, 2)
        assert np.array_equal(clip, seen)
    values = np.stack(clips).transpose(2, 0, 1, 3, 4).reshape(channels, -1) / 255
    np.testing.assert_allclose(spec.mean, values.mean(1), rtol=1e-6)
    np.testing.assert_allclose(spec.std, values.std(1), rtol=1e-6)
    x = real.train.batch(torch.arange(4)).x
    expected = (np.stack(clips) / 255 - np.reshape(spec.mean, (-1, 1, 1))) / np.reshape(spec.std, (-1, 1, 1))
    np.testing.assert_allclose(x.numpy(), expected, atol=1e-5)
    assert np.array_equal(spec.denormalize(x).numpy(), np.stack(clips)) and spec.bits_per_value == 8


@pytest.mark.parametrize("storage", ["memory", "arrow"])
def test_one_colour_frame_makes_all_of_them_colours(storage):
    grey, colour = videos(2, 2), videos(2, channels=3)
    mixed = [grey[0], [grey[1][0], colour[0][1]]]
    real = RealData.from_dataset(table(mixed), storage=storage).setup()
    assert real.spec.shape == (2, 3, 8, 8)
    assert np.array_equal(real.train.raw(torch.tensor([1])).numpy()[0, 1], colour[0][1])


def test_other_lengths_are_refused_or_thinned(caplog):
    clips = videos(3, 5)
    with pytest.raises(UserError, match=r"row 1 has 5 frames, the first row 3: set --data.frames to take as many"):
        RealData.from_dataset(table(clips)).setup()
    real = RealData.from_dataset(table(clips), frames=3).setup()
    raw = real.train.raw(torch.arange(2)).numpy()
    assert np.array_equal(raw, np.stack([clips[0], clips[1][[0, 2, 4]]])) and "3 frames are taken" in caplog.text
    with pytest.raises(UserError, match="row 1 has no frames"):
        RealData.from_dataset(table([clips[0], []])).setup()


def test_no_copy_of_a_table_is_made(monkeypatch):
    made = table(videos(2, 2))
    monkeypatch.setattr(Dataset, "map", None)
    real = RealData.from_dataset(made).setup()
    assert len(real.train) == 2 and made.features["clip"] == List(Image())


def test_frames_are_resized():
    real = RealData.from_dataset(table(videos(2, 2)), image_size=4).setup()
    assert real.spec.shape == (2, 1, 4, 4)


def test_a_stream_gives_the_same():
    made = table(videos(3, 3, 3, 3))
    real, stream = (RealData.from_dataset(data, made).setup() for data in (made, made.to_iterable_dataset()))
    assert real.spec.shape == stream.spec.shape and real.spec.mean == stream.spec.mean
    generator = torch.Generator().manual_seed(0)
    assert torch.equal(stream.sample([1], 2, generator).x, real.train.batch(torch.tensor([1, 3])).x)


def test_what_is_published_is_read_back(tmp_path):
    clips = videos(3, 3, channels=3)
    spec = RealData.from_dataset(table(clips)).setup().spec
    tables.write_parquet([tables.to_dataset(spec, np.stack(clips), torch.tensor([0, 1]))], tmp_path / "t.parquet")
    stored, y = tables.from_table(pq.read_table(tmp_path / "t.parquet"), spec)
    assert np.array_equal(stored, np.stack(clips)) and y.tolist() == [0, 1]
    assert RealData(path=str(tmp_path / "t.parquet")).setup().spec.shape == (3, 3, 8, 8)


@pytest.mark.parametrize(("clip", "said"), [(None, "0 frames, not 3"), ([{"bytes": b"x", "path": None}] * 3, "no PNG")])
def test_damaged_videos_of_a_set_are_refused(clip, said):
    spec = RealData.from_dataset(table(videos(3, 3))).setup().spec
    frame = pa.struct({"bytes": pa.binary(), "path": pa.string()})
    with pytest.raises(ArtifactError, match=said):
        tables.from_table(pa.table({"clip": pa.array([clip], pa.list_(frame)), "label": [0]}), spec)


def test_bad_frames_are_named_by_their_row():
    buffer = io.BytesIO()
    PILImage.new("L", (9, 9)).save(buffer, format="PNG")
    good = table(videos(2, 2)).to_list()
    good[1]["clip"][1] = {"bytes": buffer.getvalue(), "path": None}
    made = Dataset.from_list(good, features=table(videos(2)).features)
    with pytest.raises(UserError, match=r"row 1 is 9x9 pixels, the first row 8x8: set --data.image_size"):
        RealData.from_dataset(made).setup()
