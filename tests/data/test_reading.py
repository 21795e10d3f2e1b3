"""What is read is what ``load_dataset`` shows: files of random columns, sounds and images, in whatever format."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from datasets import Array2D, ClassLabel, Dataset, Features, LargeList, List, Value, load_dataset
from PIL import Image as PILImage

from hf_distill.data import RealData
from tests.data.kinds.test_audio import wav
from tests.data.kinds.test_chosen_rows import INTEGERS, numbers

ROWS = 12
REALS = ("float16", "float32", "float64")
DTYPES = (*INTEGERS, *REALS, "bool")
LABELS = {"label": ClassLabel(names=["a", "b"])}


def written(made, folder, kind):
    """Write a split as parquet, JSON, CSV or by ``save_to_disk``; return what ``load_dataset`` shows of it."""
    if kind == "disk":
        made.save_to_disk(str(folder))
        return made
    path = str(folder / f"train.{kind}")
    getattr(made, f"to_{kind}")(path)
    return load_dataset(str(folder), split="train")


def near(ours, theirs):
    """Whether numbers are theirs, to what single precision keeps of what they differ by."""
    theirs = np.asarray(theirs, np.float64)
    spread = np.abs(theirs - theirs.mean(0)).max(0) + np.finfo(np.float64).tiny
    return bool((np.abs(ours.double().numpy() - theirs) <= 2e-7 * np.maximum(spread, np.abs(theirs)) + 1e-9).all())


@pytest.mark.parametrize("kind", ["parquet", "json", "csv", "disk"])
@pytest.mark.parametrize("seed", range(3))
def test_columns_of_every_type(kind, seed, tmp_path):
    generator = np.random.default_rng(seed)
    # Whole numbers beyond 2 ** 53 have no double; JSON and CSV know no types.
    dtypes = [str(dtype) for dtype in generator.choice([d for d in DTYPES if d[-2:] != "64" or d == "float64"], 4)]
    columns = {f"n{place}": numbers(dtype, ROWS, generator) for place, dtype in enumerate(dtypes)}
    features = {f"n{place}": Value(dtype) for place, dtype in enumerate(dtypes)}
    made = Dataset.from_dict({**columns, "label": np.arange(ROWS) % 2}, Features({**features, **LABELS}))
    theirs = written(made, tmp_path, kind)
    real = RealData(path=str(tmp_path), label_column="label", input_column=list(columns)).setup()
    assert real.spec.columns == tuple(columns)
    assert near(
        real.train.raw(torch.arange(ROWS)), np.stack([np.asarray(theirs[name][:], float) for name in columns], 1)
    )
    assert real.train.labels.tolist() == [row % 2 for row in range(ROWS)]


@pytest.mark.parametrize("dtype", DTYPES)
def test_lists_of_every_type(dtype, tmp_path):
    generator = np.random.default_rng(len(dtype))
    kind = [List, LargeList, lambda inner: List(List(inner))][generator.integers(3)]
    values = numbers(dtype, (ROWS, 2, 3), generator)
    values = values >> 1 if dtype == "uint64" else values  # of lists ``datasets`` takes no larger ones
    feature = kind(Value(dtype))
    rows = values.tolist() if isinstance(feature.feature, List) else values.reshape(ROWS, 6).tolist()
    made = Dataset.from_dict({"x": rows, "label": np.arange(ROWS) % 2}, Features({"x": feature, **LABELS}))
    theirs = written(made, tmp_path, "parquet")
    for storage in ("memory", "arrow"):
        real = RealData(path=str(tmp_path), storage=storage).setup()
        shown = np.asarray(theirs["x"][:], np.float64).reshape(ROWS, 6)
        assert near(real.train.raw(torch.arange(ROWS)), shown)
        x = real.train.batch(torch.arange(ROWS)).x.double()
        assert torch.allclose(x.mean(0), torch.zeros(6, dtype=torch.float64), atol=1e-4)


def test_arrays(tmp_path):
    values = np.random.default_rng(0).normal(size=(ROWS, 2, 3)).astype("f4")
    features = Features({"x": Array2D((2, 3), "float32"), **LABELS})
    theirs = written(
        Dataset.from_dict({"x": list(values), "label": np.arange(ROWS) % 2}, features), tmp_path, "parquet"
    )
    ours = RealData(path=str(tmp_path)).setup().train.raw(torch.arange(ROWS))
    assert np.array_equal(ours.numpy(), np.asarray(theirs["x"][:], "f4").reshape(ROWS, 6))


@pytest.mark.parametrize("seed", range(4))
def test_sounds(seed, tmp_path):
    soundfile = pytest.importorskip("soundfile")
    generator = np.random.default_rng(seed)
    width, channels, rate = (
        int(generator.integers(1, 5)),
        int(generator.integers(1, 3)),
        int(generator.choice([8000, 11025])),
    )
    most = 2 ** (8 * width - 1)
    for row in range(4):
        folder = tmp_path / "train" / "ab"[row % 2]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{row}.wav").write_bytes(wav(generator.integers(-most, most, (60, channels)), rate, width))
    real = RealData(path=str(tmp_path)).setup()  # in the order of folders and names; ``datasets`` needs torchcodec
    assert real.spec.about["sampling_rate"] == rate and real.train.labels.tolist() == [0, 0, 1, 1]
    for path, ours in zip(sorted(tmp_path.glob("train/*/*.wav")), real.train.raw(torch.arange(4)), strict=True):
        samples, _ = soundfile.read(path, always_2d=True)
        assert np.abs(ours.numpy() / 2**15 - samples.mean(1)).max() <= 1 / 2**15


@pytest.mark.parametrize("seed", range(4))
def test_folders_of_images(seed, tmp_path):
    generator = np.random.default_rng(seed)
    height, width = generator.integers(2, 9, 2)
    modes = generator.choice(["L", "RGB", "1", "P"], 4)
    for row, mode in enumerate(modes):
        pixels = generator.integers(0, 256, (height, width, 3), dtype=np.uint8)
        folder = tmp_path / "train" / "ab"[row % 2]
        folder.mkdir(parents=True, exist_ok=True)
        image = PILImage.fromarray(pixels)
        (image.quantize(4) if mode == "P" else image.convert(mode)).save(folder / f"{row}.{'png' if row else 'bmp'}")
    theirs = load_dataset(str(tmp_path), split="train")
    real = RealData(path=str(tmp_path), storage=["memory", "arrow"][seed % 2]).setup()
    mode = "RGB" if set(modes) & {"RGB", "P"} else "L"
    assert real.spec.shape == (3 if mode == "RGB" else 1, height, width)
    for row, ours in zip(theirs, real.train.raw(torch.arange(4)), strict=True):
        shown = np.asarray(row["image"].convert(mode)).reshape(height, width, -1)
        assert np.array_equal(ours.permute(1, 2, 0).numpy(), shown)
