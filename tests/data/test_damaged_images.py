"""Whatever is in the bytes of an image: it is decoded, or one line names its row."""

from __future__ import annotations

import io
import random
import warnings
import zlib

import numpy as np
import PIL.Image
import pytest
import torch

from hf_distill.data.kinds.image_decoder import ImageDecoder
from hf_distill.errors import UserError

FORMATS = ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM", "TGA", "ICO", "PCX", "SGI", "DDS", "JPEG2000")
ROW = 7


def encoded(kind: str) -> bytes:
    array = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    PIL.Image.fromarray(array).save(buffer, kind)
    return buffer.getvalue()


def mutated(data: bytes, choice: random.Random) -> bytes:
    """Return an image that is cut, or has some bytes changed, most of them in its header."""
    out = bytearray(data)
    if choice.random() < 0.2:
        return bytes(out[: choice.randrange(len(out))])
    for _ in range(choice.choice((1, 2, 8, 32))):
        out[choice.randrange(min(len(out), choice.choice((64, 10_000))))] = choice.randrange(256)
    return bytes(out)


def decode(data: bytes) -> torch.Tensor:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow warns of what it mends
        return ImageDecoder("x", "RGB", (16, 16), resize=True)({"x": [{"bytes": data, "path": None}]}, [ROW])


@pytest.mark.parametrize("kind", FORMATS)
def test_a_damaged_image_is_decoded_or_named(kind):
    choice = random.Random(kind)
    data = encoded(kind)
    refused = 0
    for _ in range(60):
        try:
            assert decode(mutated(data, choice)).shape == (1, 3, 16, 16)
        except UserError as error:
            message = str(error)
            assert message.startswith(f"row {ROW}") and message.isprintable() and len(message) < 400
            refused += 1
    assert refused  # the damage is no pretence


@pytest.mark.parametrize(
    "error", [zlib.error("bad"), IndexError("list"), KeyError(3), TypeError("x"), EOFError(), MemoryError()]
)
def test_whatever_pillow_raises_names_the_row(monkeypatch, error):
    def load(self):
        raise error

    data = encoded("PNG")
    monkeypatch.setattr(PIL.Image.Image, "load", load)
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", load)
    with pytest.raises(UserError, match=f"^row {ROW}: the image cannot be read"):
        decode(data)


def test_a_bomb_is_refused(monkeypatch):
    monkeypatch.setattr(PIL.Image, "MAX_IMAGE_PIXELS", 100)  # 256 pixels are more than twice as many
    with pytest.raises(UserError, match=f"row {ROW}: the image cannot be read .*decompression bomb"):
        decode(encoded("PNG"))


def test_no_program_is_run_for_an_image(monkeypatch):
    called = []
    monkeypatch.setattr("subprocess.check_call", lambda *args, **kwargs: called.append(args))
    monkeypatch.setattr("subprocess.Popen", lambda *args, **kwargs: called.append(args))
    buffer = io.BytesIO()
    PIL.Image.new("RGB", (16, 16)).save(buffer, "EPS")
    with pytest.raises(UserError, match=f"row {ROW} is an EPS file, which is a program and is not run"):
        decode(buffer.getvalue())
    assert not called
