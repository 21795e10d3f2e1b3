"""Images as ``datasets`` shows them to their owner, turned into tensors."""

from __future__ import annotations

import contextlib
import io
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pyarrow as pa
import torch
from datasets import Dataset
from PIL import Image as PILImage
from PIL import ImageOps
from torch import Tensor

from hf_distill.errors import UserError
from hf_distill.text import printable, shorten

# Formats that Pillow reads by running a helper program (Ghostscript) on the file.
_PROGRAMS = ("EPS",)
_GREY = ("1", "L", "LA", "La")
_ALPHA = ("LA", "La", "RGBA", "RGBa", "PA")
# Where Pillow finds the orientation of a photograph; looking for it in all images takes as long as decoding small ones.
_EXIF = {"exif", "Raw profile type exif", "xmp", "XML:com.adobe.xmp"}
_ORIENTATION = 0x0112
# How PNG and JPEG files begin.
_SHORT_HEADERS = (b"\x89PN", b"\xff\xd8\xff")
_ROWS = 1000

logger = logging.getLogger(__name__)


class OtherKind(UserError):
    """An image that is of another kind than the decoder's: colour, where the images before it are grey."""


@dataclass(frozen=True)
class ImageDecoder:
    """Turns encoded images into tensors of one kind and size: uint8 grey or colour, or float32 of deeper images.

    What is read is what ``datasets`` shows: turned upright by the orientation in its EXIF data, converted to the mode
    that the column declares, the first picture of several. Then palettes become colours, transparent pixels lie on
    white, and whatever is neither grey nor RGB becomes RGB.

    Pixels of more than 8 bits (12 or 16 bits, 32-bit integers, reals) keep their numbers: ``scale`` brings the range
    of the training images to 0 ... 255, in float32.

    Attributes:
        column: The column of the images.
        kind: ``L``, ``RGB``, or ``F`` for grey images with numbers of more than 8 bits.
        size: (height, width) of the result.
        resize: Resize what has another size (bilinear) and do not refuse it.
        declared: The mode that the column's feature declares.
        forced: The kind was chosen by the user: convert what is of another one.
        scale: The numbers of deep images that 0 and 255 stand for.
        base: The folder that relative paths of files start from.
    """

    column: str
    kind: str
    size: tuple[int, int]
    resize: bool = False
    declared: str | None = None
    forced: bool = False
    scale: tuple[float, float] | None = None
    base: Path | None = None
    _noted: set[str] = field(default_factory=set, compare=False, repr=False)

    @classmethod
    def like(
        cls,
        column: str,
        value: Any,
        *,
        declared: str | None = None,
        image_size: int | None = None,
        image_mode: str | None = None,
        base: Path | None = None,
    ) -> ImageDecoder:
        """Infer kind and size from one image; ``image_size`` overrides the size with a square."""
        with opened(value, 0, declared, base) as image:
            kind = image_mode or kind_of(image)
            size = (image.height, image.width)
        resize = image_size is not None
        size = (image_size, image_size) if image_size else size
        return cls(column, kind, size, resize, declared, image_mode is not None, base=base)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that are read."""
        return (self.column,)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W)."""
        return (3 if self.kind == "RGB" else 1, *self.size)

    @property
    def dtype(self) -> torch.dtype:
        """The type of the result."""
        return torch.float32 if self.kind == "F" else torch.uint8

    def __call__(self, batch: Mapping[str, Any], rows: Sequence[int]) -> Tensor:
        """Decode the column's ``{"bytes", "path"}`` values into ``(B, C, H, W)``; ``rows`` are named in errors.

        Raises:
            OtherKind: An image has colours and the decoder is one of grey images.
            UserError: An image cannot be read, or does not fit the others.
        """
        values = batch[self.column]
        values = values.to_pylist() if isinstance(values, pa.ChunkedArray) else values
        out = np.empty((len(values), *self.size, self.shape[0]), np.float32 if self.kind == "F" else np.uint8)
        for slot, (value, row) in enumerate(zip(values, rows, strict=True)):
            out[slot] = self._scaled(self._pixels(value, row)).reshape(out.shape[1:])
        return torch.from_numpy(out).permute(0, 3, 1, 2).contiguous()

    def ranged(self, batch: Mapping[str, Any], rows: Sequence[int]) -> tuple[float, float]:
        """Return the least and the greatest number of deep images."""
        values = batch[self.column]
        values = values.to_pylist() if isinstance(values, pa.ChunkedArray) else values
        found = [self._pixels(value, row) for value, row in zip(values, rows, strict=True)]
        return min(float(pixels.min()) for pixels in found), max(float(pixels.max()) for pixels in found)

    def spanning(self, ranges: list[tuple[float, float]]) -> ImageDecoder:
        """Return a decoder of deep images that brings the whole of some ranges to 0 ... 255, and say so."""
        low, high = min(low for low, _ in ranges), max(high for _, high in ranges)
        logger.warning(
            "column %r holds images of more than 8 bits: their numbers, %g to %g, are brought to 0 to 255, and "
            "published images have 8 bits",
            self.column,
            low,
            high,
        )
        return replace(self, scale=(low, high))

    def survey(self, table: Dataset) -> ImageDecoder:
        """Look at the headers of all images of a table and return a decoder of a kind that holds them all.

        Raises:
            UserError: A row has no image, or one that does not fit the others.
        """
        if self.forced or self.declared:
            return self
        start = 0
        for rows in table.select_columns([self.column]).with_format("arrow").iter(batch_size=_ROWS):
            for place, value in enumerate(rows[self.column]):
                known = {"bytes": _head(value["bytes"]), "path": value["path"].as_py()} if value.is_valid else None
                with opened(known, start + place, None, self.base, load=False) as image:
                    if self._kind(image, start + place) != self.kind:
                        return replace(self, kind="RGB").survey(table)
                    if sorted(image.size) != sorted(self.size):  # which of them is the width, EXIF data tells
                        self._check_size(image, start + place)
            start += len(rows)
        return self

    def _kind(self, image: PILImage.Image, row: int) -> str:
        """Return the kind that holds an image and those of this decoder.

        Raises:
            UserError: There is none.
        """
        kind = kind_of(image)
        if self.forced or kind == self.kind:
            return self.kind
        if "F" in (kind, self.kind):
            deep = f"{image.mode} pixels, more than 8 bits" if kind == "F" else f"8-bit pixels ({image.mode})"
            raise UserError(
                f"row {row} has {deep}, and the first row {'8' if kind == 'F' else 'more'}: numbers in different "
                "units; bring all images to one depth first"
            )
        return "RGB"

    def _pixels(self, value: Any, row: int) -> np.ndarray:
        """Return one image as an array, ``(H, W)`` or ``(H, W, 3)``; of deep images their own numbers."""
        with opened(value, row, self.declared, self.base) as image:
            if self._kind(image, row) != self.kind:
                raise OtherKind(
                    f"row {row} has colours and the images before it are grey: set --data.image_mode=RGB, or L to turn "
                    "all to grey"
                )
            if self.kind == "F":
                return self._numbers(image, row)
            image = self._flattened(image, row)
            if (image.height, image.width) != self.size:
                self._check_size(image, row)
                image = image.resize(self.size[::-1], PILImage.Resampling.BILINEAR)
            return np.asarray(image)

    def _flattened(self, image: PILImage.Image, row: int) -> PILImage.Image:
        """Return an image of 8 bits without palette and transparency."""
        if kind_of(image) == "F":
            raise UserError(
                f"row {row} has {image.mode} pixels, more than 8 bits: leave out --data.image_mode, which would cut "
                "them"
            )
        if image.mode in _ALPHA or (image.mode == "P" and "transparency" in image.info):
            image = image.convert({"La": "LA", "RGBa": "RGBA"}.get(image.mode, "RGBA"))
            if np.asarray(image.getchannel("A")).min() < 255 and "alpha" not in self._noted:
                self._noted.add("alpha")
                logger.warning("column %r holds transparent pixels (row %d): they are laid on white", self.column, row)
            image = image.convert("RGBA")
            image = PILImage.alpha_composite(PILImage.new("RGBA", image.size, "white"), image).convert("RGB")
        return image if image.mode == self.kind else image.convert(self.kind)

    def _numbers(self, image: PILImage.Image, row: int) -> np.ndarray:
        """Return the numbers of a deep image in double precision."""
        pixels = np.asarray(image).astype(np.float64)
        if pixels.shape != self.size:
            self._check_size(image, row)
            real = PILImage.fromarray(pixels.astype(np.float32))
            pixels = np.asarray(real.resize(self.size[::-1], PILImage.Resampling.BILINEAR)).astype(np.float64)
        if not np.isfinite(pixels).all():
            raise UserError(f"row {row} has pixels that are not finite: mend it or filter the row out")
        return pixels

    def _scaled(self, pixels: np.ndarray) -> np.ndarray:
        if self.scale is None:
            return pixels
        low, high = self.scale
        return (pixels - low) * (255 / (high - low if high > low else 1.0))

    def _check_size(self, image: PILImage.Image, row: int) -> None:
        if not self.resize:
            raise UserError(
                f"row {row} is {image.width}x{image.height} pixels, the first row {self.size[1]}x{self.size[0]}: set "
                "--data.image_size to bring all images to one size"
            )


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


def _head(data: pa.Scalar) -> Any:
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
