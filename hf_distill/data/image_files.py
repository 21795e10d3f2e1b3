"""Opening encoded images as ``datasets`` opens them, with errors that name the row."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pyarrow as pa
from PIL import Image as PILImage
from PIL import ImageOps

from hf_distill.errors import UserError
from hf_distill.text import printable, shorten

# Formats that Pillow reads by running a helper program (Ghostscript) on the file.
_PROGRAMS = ("EPS",)
_GREY = ("1", "L", "LA", "La")
# Where Pillow finds the orientation of a photograph; looking for it in all images takes as long as decoding small ones.
_EXIF = {"exif", "Raw profile type exif", "xmp", "XML:com.adobe.xmp"}
_ORIENTATION = 0x0112
# How PNG and JPEG files begin.
_SHORT_HEADERS = (b"\x89PN", b"\xff\xd8\xff")


def kind_of(image: PILImage.Image) -> str:
    """Return the kind that holds an image without loss: ``L``, ``RGB``, or ``F`` for more than 8 bits of grey."""
    if image.mode in _GREY:
        return "L"
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        return "F"
    if image.mode in ("P", "PA"):
        colours = np.asarray(image.convert("RGB"))
        return (
            "L" if (colours[..., 0] == colours[..., 1]).all() and (colours[..., 1] == colours[..., 2]).all() else "RGB"
        )
    return "RGB"


@contextlib.contextmanager
def opened(
    value: Any, row: int, declared: str | None = None, base: Path | None = None, load: bool = True
) -> Iterator[PILImage.Image]:
    """Open an image as :meth:`datasets.Image.decode_example` does; errors in the block name the row in one line.

    Args:
        value: ``{"bytes", "path"}``.
        row: Its number.
        declared: The mode that the column declares.
        base: The folder that a relative path starts from where there is no such file here.
        load: Read the pixels and turn the image upright; else only its header.
    """
    if value is None or (value["bytes"] is None and not value["path"]):
        raise UserError(f"row {row} has no image: filter such rows out first")
    data = value["bytes"]
    try:
        with PILImage.open(_file(data) if data is not None else _at(value["path"], base)) as image:
            if image.format in _PROGRAMS:
                raise UserError(
                    f"row {row} is an {image.format} file, which is a program and is not run: convert it to PNG first"
                )
            seen: PILImage.Image = image
            if load:
                image.load()
                if (_EXIF & image.info.keys() or hasattr(image, "tag_v2")) and image.getexif().get(_ORIENTATION):
                    seen = ImageOps.exif_transpose(image)
                if declared and declared != seen.mode:
                    seen = seen.convert(declared)
            yield seen
    except UserError:
        raise
    except Exception as error:  # Pillow's plug-ins raise what they stumble on: struct.error, KeyError, zlib.error, ...
        text = shorten(printable(str(error).split("<")[0])) or type(error).__name__
        raise UserError(f"row {row}: the image cannot be read ({text}): mend it or filter the row out") from error


def header_of(data: pa.Scalar) -> Any:
    """Return the bytes of an image, or a file of them that is only read as far as its header goes."""
    if not data.is_valid:
        return None
    buffer = data.as_buffer()
    return pa.BufferReader(buffer) if buffer[:3].to_pybytes() in _SHORT_HEADERS else buffer.to_pybytes()


def _file(data: Any) -> Any:
    return io.BytesIO(data) if isinstance(data, bytes) else data


def _at(path: str, base: Path | None) -> Any:
    if "://" in path:  # an image of a stream from the Hub
        with fsspec.open(path.split("::")[-1], "rb") as file:
            return io.BytesIO(file.read())
    return base / path if base is not None and not Path(path).exists() else path
