"""Videos that are lists of images, turned into tensors."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from datasets import Dataset
from torch import Tensor

from hf_distill.data.kinds.decoder import Decoder, OtherDecoder, Rows
from hf_distill.data.kinds.image_decoder import ImageDecoder
from hf_distill.data.narrow import narrowed
from hf_distill.errors import UserError

# Videos whose headers are looked at together.
_ROWS = 100

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class FramesDecoder(Decoder):
    """Turns lists of encoded images into tensors ``(B, T, C, H, W)``; each frame is what :class:`ImageDecoder` makes.

    Attributes:
        images: Reads one frame.
        frames: ``T``.
        even: Take as many frames of every video, at equal distances, and do not refuse what has another number.
    """

    images: ImageDecoder
    frames: int
    even: bool = False
    _noted: set[str] = field(default_factory=set, compare=False, repr=False)

    @property
    def columns(self) -> tuple[str, ...]:  # type: ignore[override]
        """The columns that are read."""
        return self.images.columns

    @property
    def shape(self) -> tuple[int, ...]:
        """(T, C, H, W)."""
        return (self.frames, *self.images.shape)

    @property
    def dtype(self) -> torch.dtype:
        """The type of the result."""
        return self.images.dtype

    @property
    def scans(self) -> bool:
        """See :class:`Decoder`: the range of deep images."""
        return self.images.scans

    def __call__(self, batch: Rows, rows: Sequence[int]) -> Tensor:
        """See :class:`Decoder`."""
        frames, places = self._frames(batch, rows)
        with self._widened():
            return self.images(frames, places).unflatten(0, (len(rows), self.frames))

    def scanned(self, parts: Iterable[tuple[Rows, Sequence[int]]]) -> FramesDecoder:
        """See :class:`Decoder`."""
        return replace(self, images=self.images.scanned(self._frames(batch, rows) for batch, rows in parts))

    def check(self, batch: Rows, rows: Sequence[int]) -> None:
        """See :class:`Decoder`."""
        with self._widened():
            self.images.check(*self._frames(batch, rows))

    def checked(self, table: Dataset) -> FramesDecoder:
        """See :class:`Decoder`."""
        start = 0
        try:
            for part in narrowed(table, self.columns).with_format("arrow").iter(_ROWS):
                self.check(part, range(start, start + len(part)))
                start += len(part)
        except OtherDecoder as other:
            assert isinstance(other.decoder, FramesDecoder)
            return other.decoder.checked(table)
        return self

    def _widened(self) -> _Widened:
        return _Widened(self)

    def _frames(self, batch: Rows, rows: Sequence[int]) -> tuple[Mapping[str, Any], list[int]]:
        """Return the frames of all videos, one after another, and the number of the row that each is of."""
        values = batch[self.columns[0]]
        values = values.to_pylist() if isinstance(values, (pa.Array, pa.ChunkedArray)) else values
        found = [frame for value, row in zip(values, rows, strict=True) for frame in self._of(value, row)]
        return {self.columns[0]: found}, [row for row in rows for _ in range(self.frames)]

    def _of(self, value: Any, row: int) -> Iterator[Any]:
        if not value:
            raise UserError(f"row {row} has no frames: filter such rows out first")
        if len(value) != self.frames and not self.even:
            raise UserError(
                f"row {row} has {len(value)} frames, the first row {self.frames}: set --data.frames to take as many of "
                "every video, at equal distances"
            )
        if len(value) != self.frames and "even" not in self._noted:
            self._noted.add("even")
            logger.warning(
                "column %r: %d frames are taken of every video, at equal distances (row %d has %d)",
                self.columns[0],
                self.frames,
                row,
                len(value),
            )
        places = np.linspace(0, len(value) - 1, self.frames).round().astype(int)
        return (value[place] for place in places)


class _Widened:
    """Turns an error that names another decoder of images into one that names that of videos."""

    def __init__(self, decoder: FramesDecoder) -> None:
        self.decoder = decoder

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if isinstance(error, OtherDecoder) and isinstance(error.decoder, ImageDecoder):
            raise OtherDecoder(str(error), replace(self.decoder, images=error.decoder)) from error
