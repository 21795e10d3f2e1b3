"""Decoding rows into tensors, with errors that name the row."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from datasets import Image
from PIL import Image as PILImage
from torch import Tensor

from hf_distill.data.vectors import VectorTransform
from hf_distill.errors import UserError
from hf_distill.text import printable, shorten

# Formats that Pillow reads by running a helper program (Ghostscript) on the file.
_PROGRAMS = ("EPS",)
# Larger numbers are slips of the pen or marks of missing values; sums and squares of theirs leave float32 and float64.
LARGEST = 1e30


@dataclass(frozen=True)
class ImageDecoder:
    """Turns encoded images into uint8 tensors of one mode and size.

    Attributes:
        mode: ``L`` or ``RGB``.
        size: (height, width) of the result.
        resize: Resize what has another size (bilinear) and do not refuse it.
    """

    mode: str
    size: tuple[int, int]
    resize: bool = False

    @classmethod
    def like(cls, value: Any, image_size: int | None) -> ImageDecoder:
        """Infer mode and size from one image; ``image_size`` overrides the size with a square."""
        with _opened(value, 0) as image:
            mode = "L" if image.mode in ("1", "L", "I;16", "I", "F") else "RGB"
            size = (image.height, image.width)
        return cls(mode, (image_size, image_size) if image_size else size, image_size is not None)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W)."""
        return (1 if self.mode == "L" else 3, *self.size)

    def __call__(self, values: Sequence[Any], rows: Sequence[int]) -> Tensor:
        """Decode ``{"bytes", "path"}`` values into ``(B, C, H, W)``; ``rows`` are named in errors."""
        out = np.empty((len(values), *self.size, self.shape[0]), np.uint8)
        for slot, (value, row) in enumerate(zip(values, rows, strict=True)):
            with _opened(value, row) as opened:
                image = _to_mode(opened, self.mode)
                if (image.height, image.width) != self.size:
                    if not self.resize:
                        raise UserError(
                            f"row {row} is {image.width}x{image.height} pixels, the first row {self.size[1]}x"
                            f"{self.size[0]}: set --data.image_size to bring all images to one size"
                        )
                    image = image.resize(self.size[::-1], PILImage.Resampling.BILINEAR)
                out[slot] = np.asarray(image).reshape(*self.size, self.shape[0])
        return torch.from_numpy(out).permute(0, 3, 1, 2).contiguous()


@dataclass(frozen=True)
class VectorDecoder:
    """Turns lists of numbers into float32 tensors of one length.

    Attributes:
        length: Numbers in a row of the source.
        column: Where they come from, for errors.
        transform: What is done to every row; None for nothing.
    """

    length: int
    column: str
    transform: VectorTransform | None = None

    @property
    def shape(self) -> tuple[int]:
        """(D,)."""
        return (self.length if self.transform is None else self.transform.width(self.length),)

    def __call__(self, values: Sequence[Any], rows: Sequence[int]) -> Tensor:
        """Stack lists into ``(B, D)``, transformed; ``rows`` are named in errors."""
        for value, row in zip(values, rows, strict=True):
            if value is None or len(value) != self.length:
                found = "nothing" if value is None else f"{len(value)} numbers"
                raise UserError(
                    f"row {row} holds {found}, the first row {self.length} numbers (column {self.column!r}): mend it "
                    "or filter the row out"
                )
        numbers = np.asarray(values, np.float64).reshape(len(values), self.length)  # None becomes NaN
        self._check(numbers, rows, f"in column {self.column!r}")
        out = torch.from_numpy(numbers.astype(np.float32))
        if self.transform is None:
            return out
        out = self.transform.apply(out, rows)
        self._check(out.numpy(), rows, f"after data.transform of column {self.column!r}")
        return out

    @staticmethod
    def _check(numbers: np.ndarray, rows: Sequence[int], where: str) -> None:
        bad = np.argwhere(~(np.abs(numbers) <= LARGEST))
        if len(bad):
            place, entry = bad[0]
            raise UserError(
                f"row {rows[place]} holds {numbers[place, entry]:g} {where} (entry {entry}), which is missing, not "
                f"finite or beyond {LARGEST:g}: mend it or filter the row out"
            )


Decoder = Callable[[Sequence[Any], Sequence[int]], Tensor]


def decoder_for(
    feature: Any, column: str, first: Any, image_size: int | None, transform: VectorTransform | None = None
) -> ImageDecoder | VectorDecoder:
    """Return the decoder of a column, after its first value.

    Raises:
        UserError: The first value is missing or cannot be read, or the transform does not fit it.
    """
    if isinstance(feature, Image):
        if transform is not None:
            raise UserError(
                f"data.transform works on lists of numbers, and column {column!r} holds images: leave it out"
            )
        return ImageDecoder.like(first, image_size)
    if not first:
        raise UserError(f"row 0 has no numbers in column {column!r}")
    if transform is not None:
        transform.check(len(first))
    return VectorDecoder(len(first), column, transform)


def undecoded(dataset: Any, column: str) -> Any:
    """Leave images encoded: our decoder checks mode and size and names the row that it cannot read."""
    if isinstance(dataset.features and dataset.features[column], Image):
        return dataset.cast_column(column, Image(decode=False))
    return dataset


@contextlib.contextmanager
def _opened(value: Any, row: int) -> Iterator[PILImage.Image]:
    """Open an image and load its pixels; whatever it raises in the block is said in one line that names the row."""
    if value is None or (value["bytes"] is None and not value["path"]):
        raise UserError(f"row {row} has no image: filter such rows out first")
    try:
        with PILImage.open(io.BytesIO(value["bytes"]) if value["bytes"] is not None else value["path"]) as image:
            if image.format in _PROGRAMS:
                raise UserError(
                    f"row {row} is an {image.format} file, which is a program and is not run: convert it to PNG first"
                )
            image.load()
            yield image
    except UserError:
        raise
    except Exception as error:  # Pillow's plug-ins raise what they stumble on: struct.error, KeyError, zlib.error, ...
        text = shorten(printable(str(error).split("<")[0])) or type(error).__name__
        raise UserError(f"row {row}: the image cannot be read ({text}): mend it or filter the row out") from error


def _to_mode(image: PILImage.Image, mode: str) -> PILImage.Image:
    if image.mode.startswith("I;16"):
        # Pillow clips 16-bit grey to 255 on conversion; the high byte is what is meant.
        image = PILImage.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    return image if image.mode == mode else image.convert(mode)
