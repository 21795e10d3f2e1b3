"""Images of every mode are those that ``datasets`` shows to their owner."""

from __future__ import annotations

import io
import random

import numpy as np
import pytest
import torch
from datasets import ClassLabel, Dataset, Features, Image, load_dataset
from PIL import Image as PILImage

from hf_distill.data import RealData
from hf_distill.data.image_files import kind_of
from hf_distill.errors import UserError

ROWS, HEIGHT, WIDTH = 6, 5, 7
# Modes of 8 bits and a format that holds each of them.
PLAIN = {
    "1": "PNG",
    "L": "PNG",
    "LA": "PNG",
    "P": "PNG",
    "P grey": "GIF",
    "P transparent": "PNG",
    "RGB": "TIFF",
    "RGBA": "WEBP",
    "CMYK": "TIFF",
    "YCbCr": "JPEG",
}
GREY = ("1", "L", "LA", "P grey")
DEEP = {"I;16": ("PNG", 4095), "I;16B": ("TIFF", 65535), "I": ("TIFF", 10**6), "F": ("TIFF", 0.5)}


def picture(mode: str, numbers: np.random.Generator) -> tuple[PILImage.Image, dict]:
    """Make an image of some mode, and say what is to be saved with it."""
    grey = PILImage.fromarray(numbers.integers(0, 256, (HEIGHT, WIDTH), dtype=np.uint8))
    colours = PILImage.fromarray(numbers.integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8))
    if mode in ("LA", "RGBA"):
        image = (grey if mode == "LA" else colours).copy()
        image.putalpha(PILImage.fromarray(numbers.integers(0, 256, (HEIGHT, WIDTH), dtype=np.uint8)))
        return image, {"lossless": True} if mode == "RGBA" else {}
    if mode == "P grey":
        return grey.convert("P"), {}
    if mode.startswith("P"):
        return colours.quantize(8), {"transparency": 3} if "transparent" in mode else {}
    if mode in DEEP:
        values = numbers.random((HEIGHT, WIDTH)) * DEEP[mode][1] - (0.1 if mode == "F" else 0)
        kind = {"I;16": "<u2", "I;16B": ">u2", "I": "i4", "F": "f4"}[mode]
        return PILImage.fromarray(values.astype(kind)), {}
    return (grey if mode in GREY else colours).convert(mode), {}


def encoded(mode: str, numbers: np.random.Generator, orientation: int | None = None) -> dict:
    image, options = picture(mode, numbers)
    if orientation is not None:
        options["exif"] = PILImage.Exif()
        options["exif"][0x0112] = orientation
    buffer = io.BytesIO()
    image.save(buffer, {**PLAIN, **{name: kind for name, (kind, _) in DEEP.items()}}[mode], **options)
    return {"bytes": buffer.getvalue(), "path": None}


def table(images: list[dict], mode: str | None = None) -> Dataset:
    features = Features({"image": Image(mode=mode), "label": ClassLabel(names=["a", "b"])})
    return Dataset.from_dict({"image": images, "label": [i % 2 for i in range(len(images))]}, features=features)


def shown(image: PILImage.Image) -> np.ndarray:
    """What is seen of an image of 8 bits that lies on white, ``(3, H, W)``, computed by hand."""
    premultiplied = {"La": "LA", "RGBa": "RGBA"}
    values = np.asarray(image.convert(premultiplied.get(image.mode, image.mode)).convert("RGBA")).astype(float)
    alpha = values[..., 3:] / 255
    return (values[..., :3] * alpha + 255 * (1 - alpha)).transpose(2, 0, 1)


def read(source: Dataset, storage: str, **options) -> RealData:
    return RealData.from_dataset(source, storage=storage, **options).setup()


def check(source: Dataset, colours: bool, **options) -> None:
    """Compare every row, in memory and mapped, with the image that ``datasets`` decodes."""
    for storage in ("memory", "arrow"):
        real = read(source, storage, **options)
        ours = real.train.raw(torch.arange(len(source)))
        assert real.spec.shape[0] == (3 if colours else 1) and ours.dtype == torch.uint8
        assert torch.equal(real.spec.denormalize(real.train.batch(torch.arange(len(source))).x), ours)
        for row, pixels in zip(source, ours, strict=True):
            theirs = shown(row["image"])
            assert pixels.shape[1:] == theirs.shape[1:]
            assert np.abs(pixels.expand(3, -1, -1).numpy() - theirs).max() <= 1


@pytest.mark.parametrize("mode", PLAIN)
def test_every_mode_of_8_bits(mode):
    numbers = np.random.default_rng(0)
    check(table([encoded(mode, numbers) for _ in range(ROWS)]), mode not in GREY)


@pytest.mark.parametrize("declared", ["1", "L", "LA", "RGB", "RGBA", "CMYK", "YCbCr"])
def test_the_declared_mode_is_obeyed(declared):
    numbers = np.random.default_rng(1)
    for mode in ("1", "L", "RGB", "P", "RGBA"):
        source = table([encoded(mode, numbers) for _ in range(ROWS)], declared)
        assert all(row["image"].mode == declared for row in source)
        check(source, declared not in GREY)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_photographs_stand_upright(kind, orientation):
    image = np.zeros((8, 16, 3), np.uint8)
    image[:, :8], image[:4] = 250, 120
    exif = PILImage.Exif()
    exif[0x0112] = orientation
    buffer = io.BytesIO()
    PILImage.fromarray(image).save(buffer, kind, exif=exif)
    source = table([{"bytes": buffer.getvalue(), "path": None}] * 2)
    check(source, True)
    for size in (4, 8):
        expected = np.asarray(source[0]["image"].convert("RGB").resize((size, size), PILImage.Resampling.BILINEAR))
        ours = read(source, "arrow", image_size=size).train.raw(torch.tensor([1]))[0]
        assert np.array_equal(ours.permute(1, 2, 0).numpy(), expected)


@pytest.mark.parametrize("seed", range(8))
def test_one_colour_image_makes_a_set_of_colours(seed):
    choice, numbers = random.Random(seed), np.random.default_rng(seed)
    modes = [choice.choice(GREY) for _ in range(ROWS)]
    check(table([encoded(mode, numbers) for mode in modes]), False)
    modes[seed % ROWS] = choice.choice([mode for mode in PLAIN if mode not in GREY])
    images = [encoded(mode, numbers) for mode in modes]
    check(table(images), True)
    for mode, channels in (("L", 1), ("RGB", 3)):
        real = read(table(images), choice.choice(("memory", "arrow")), image_mode=mode)
        assert real.spec.shape[0] == channels


@pytest.mark.parametrize("mode", DEEP)
@pytest.mark.parametrize("size", [None, 4])
def test_more_than_8_bits_keep_their_range(mode, size, caplog):
    numbers = np.random.default_rng(2)
    source = table([encoded(mode, numbers) for _ in range(ROWS)])
    images = [row["image"] for row in source]
    assert {kind_of(image) for image in images} == {"F"}
    theirs = np.stack([np.asarray(image).astype(float) for image in images])
    if size is not None:
        real = [PILImage.fromarray(values.astype(np.float32)) for values in theirs]
        theirs = np.stack([np.asarray(one.resize((size, size), PILImage.Resampling.BILINEAR)) for one in real])
    low, high = theirs.min(), theirs.max()
    for storage in ("memory", "arrow"):
        real = read(source, storage, image_size=size)
        assert real.spec.scale == pytest.approx((low, high))
        ours = real.train.raw(torch.arange(ROWS))[:, 0].double().numpy() / 255 * (high - low) + low
        assert np.abs(ours - theirs).max() <= 1e-6 * (high - low)
        assert real.spec.mean == pytest.approx([(theirs.mean() - low) / (high - low)], rel=1e-5)
        assert real.spec.std == pytest.approx([theirs.std() / (high - low)], rel=1e-5)
        stored = real.spec.denormalize(real.train.batch(torch.arange(ROWS)).x)
        assert stored.dtype == torch.uint8 and int(stored.min()) == 0 and int(stored.max()) == 255
        assert Features.from_dict(real.spec.features)["image"] == Image()
    assert caplog.text.count("images of more than 8 bits") == 2


def test_depths_are_not_mixed_up():
    numbers = np.random.default_rng(3)
    for modes in (("L", "I;16"), ("I;16", "L"), ("RGB", "F"), ("F", "RGB")):
        source = table([encoded(modes[0], numbers)] * 3 + [encoded(modes[1], numbers)])
        for storage in ("memory", "arrow"):
            with pytest.raises(UserError, match=r"^row 3 has .*bring all images to one depth"):
                read(source, storage)
    with pytest.raises(UserError, match=r"^row 0 has I;16 pixels, more than 8 bits: leave out --data\.image_mode"):
        read(table([encoded("I;16", numbers)] * 2), "memory", image_mode="L")


def test_pixels_that_are_no_numbers_are_named():
    values = np.ones((HEIGHT, WIDTH), np.float32)
    values[2, 3] = np.nan
    images = []
    for array in (np.ones_like(values), values):
        buffer = io.BytesIO()
        PILImage.fromarray(array).save(buffer, "TIFF")
        images.append({"bytes": buffer.getvalue(), "path": None})
    with pytest.raises(UserError, match=r"^row 1 has pixels that are not finite"):
        read(table(images), "memory")


def test_the_test_split_has_the_training_splits_kind():
    numbers = np.random.default_rng(4)
    grey, colours = (table([encoded(mode, numbers) for _ in range(ROWS)]) for mode in ("L", "RGB"))
    with pytest.raises(UserError, match=r"^the test split: row 0 has colours .* set --data\.image_mode=RGB"):
        RealData.from_dataset(grey, colours).setup()
    assert RealData.from_dataset(colours, grey).setup().test.raw(torch.tensor([0])).shape == (1, 3, HEIGHT, WIDTH)
    assert RealData.from_dataset(grey, colours, image_mode="RGB").setup().spec.shape[0] == 3
    deep = table([encoded("I;16", numbers) for _ in range(ROWS)])
    real = RealData.from_dataset(deep.select(range(3)), deep).setup()
    assert torch.equal(real.test.raw(torch.arange(3)), real.train.raw(torch.arange(3)))


def test_a_folder_of_photographs_is_what_load_dataset_shows(tmp_path):
    numbers = np.random.default_rng(5)
    modes = ("RGB", "L", "RGBA", "P", "1", "CMYK")
    for place, mode in enumerate(modes):
        folder = tmp_path / "train" / "ab"[place % 2]
        folder.mkdir(parents=True, exist_ok=True)
        data = encoded(mode, numbers, orientation=3 if mode in ("RGB", "RGBA") else None)
        (folder / f"{place}.{PLAIN[mode].lower()}").write_bytes(data["bytes"])
    shown_there = load_dataset(str(tmp_path), split="train", cache_dir=tmp_path / "cache")
    for options in ({}, {"storage": "arrow"}, {"streaming": True}):
        real = RealData(path=str(tmp_path), **options).setup()
        for row, (label, image) in enumerate((row["label"], row["image"]) for row in shown_there):
            assert real.spec.classes[label] == shown_there.features["label"].names[label]
            if "streaming" not in options:
                assert int(real.train.labels[row]) == label
                assert np.abs(real.train.raw(torch.tensor([row]))[0].numpy() - shown(image)).max() <= 1
    stream = RealData(path=str(tmp_path), streaming=True).setup()
    whole = RealData(path=str(tmp_path)).setup()
    assert stream.spec.mean == whole.spec.mean and stream.spec.class_counts == whole.spec.class_counts
