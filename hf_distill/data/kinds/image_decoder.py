"""Images as ``datasets`` shows them to their owner, turned into tensors."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from datasets import Dataset
from PIL import Image as PILImage
from torch import Tensor

from hf_distill.data.image_files import header_of, kind_of, opened
from hf_distill.data.kinds.decoder import Decoder, OtherDecoder, Rows
from hf_distill.data.narrow import narrowed
from hf_distill.errors import UserError

_ALPHA = ("LA", "La", "RGBA", "RGBa", "PA")
# Images whose headers are looked at together.
_ROWS = 1000

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class ImageDecoder(Decoder):
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
    def columns(self) -> tuple[str, ...]:  # type: ignore[override]
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

    def __call__(self, batch: Rows, rows: Sequence[int]) -> Tensor:
        """Decode the column's ``{"bytes", "path"}`` values into ``(B, C, H, W)``; ``rows`` are named in errors.

        Raises:
            OtherDecoder: An image has colours and the decoder is one of grey images.
            UserError: An image cannot be read, or does not fit the others.
        """
        values = batch[self.column]
        values = values.to_pylist() if isinstance(values, pa.ChunkedArray) else values
        out = np.empty((len(values), *self.size, self.shape[0]), np.float32 if self.kind == "F" else np.uint8)
        for slot, (value, row) in enumerate(zip(values, rows, strict=True)):
            out[slot] = self._scaled(self._pixels(value, row)).reshape(out.shape[1:])
        return torch.from_numpy(out).permute(0, 3, 1, 2).contiguous()

    @property
    def scans(self) -> bool:
        """See :class:`Decoder`: the range of deep images."""
        return self.kind == "F"

    def scanned(self, parts: Iterable[tuple[Rows, Sequence[int]]]) -> ImageDecoder:
        """Return a decoder of deep images that brings the whole of their range to 0 ... 255, and say so."""
        ranges = [self._range(batch, rows) for batch, rows in parts]
        low, high = min(low for low, _ in ranges), max(high for _, high in ranges)
        logger.warning(
            "column %r holds images of more than 8 bits: their numbers, %g to %g, are brought to 0 to 255, and "
            "published images have 8 bits",
            self.column,
            low,
            high,
        )
        return replace(self, scale=(low, high))

    def _range(self, batch: Rows, rows: Sequence[int]) -> tuple[float, float]:
        values = batch[self.column]
        values = values.to_pylist() if isinstance(values, pa.ChunkedArray) else values
        found = [self._pixels(value, row) for value, row in zip(values, rows, strict=True)]
        return min(float(pixels.min()) for pixels in found), max(float(pixels.max()) for pixels in found)

    def checked(self, table: Dataset) -> ImageDecoder:
        """Look at the headers of all images of a table and return a decoder of a kind that holds them all.

        Raises:
            UserError: A row has no image, or one that does not fit the others.
        """
        if self.forced or self.declared:
            return self
        start = 0
        for rows in narrowed(table, [self.column]).with_format("arrow").iter(batch_size=_ROWS):
            for place, value in enumerate(rows[self.column]):
                known = {"bytes": header_of(value["bytes"]), "path": value["path"].as_py()} if value.is_valid else None
                with opened(known, start + place, None, self.base, load=False) as image:
                    if self._kind(image, start + place) != self.kind:
                        return replace(self, kind="RGB").checked(table)
                    if sorted(image.size) != sorted(self.size):  # which of them is the width, EXIF data tells
                        self._check_size(image, start + place)
            start += len(rows)
        return self

    def check(self, batch: Rows, rows: Sequence[int]) -> None:
        """Look at the headers of images that are not decoded.

        Raises:
            OtherDecoder: An image has colours and the decoder is one of grey images.
            UserError: A row has no image, or one that does not fit the others.
        """
        if self.forced or self.declared:
            return
        for value, row in zip(batch[self.column], rows, strict=True):
            with opened(value, row, None, self.base, load=False) as image:
                self._check_kind(image, row)

    def _check_kind(self, image: PILImage.Image, row: int) -> None:
        if self._kind(image, row) != self.kind:
            raise OtherDecoder(
                f"row {row} has colours and the images before it are grey: set --data.image_mode=RGB, or L to turn all "
                "to grey",
                replace(self, kind="RGB"),
            )

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
            self._check_kind(image, row)
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
