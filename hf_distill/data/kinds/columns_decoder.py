"""Decoding rows of numbers and categories into vectors."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor

from hf_distill.data.kinds.decoder import Decoder, Rows
from hf_distill.data.kinds.vector_decoder import LARGEST
from hf_distill.data.statistics import VECTOR_ROWS
from hf_distill.errors import UserError

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Column:
    """One column of the source.

    Attributes:
        name: Its name.
        dtype: The type of its values: of numbers as numpy names it, ``string``, or ``class`` for a ``ClassLabel``.
        values: Of a category, its values in their order: texts, or the numbers of the classes; None for numbers.
    """

    name: str
    dtype: str
    values: tuple[Any, ...] | None = None

    @property
    def width(self) -> int:
        """Entries of a vector that stand for it."""
        return 1 if self.values is None else len(self.values)

    def encode(self, cells: Sequence[Any]) -> np.ndarray:
        """Turn cells into ``(B, width)``: numbers as they are, categories as a one in their place.

        A value that is none of the category's has no one anywhere; what is missing among numbers is NaN.
        """
        if self.values is None:
            return np.array([np.nan if cell is None else cell for cell in cells], np.float64)[:, None]
        places = {value: place for place, value in enumerate(self.values)}
        index = np.array([places.get(cell, -1) for cell in cells], np.int64)
        out = np.zeros((len(index), self.width))
        known = index >= 0
        out[np.flatnonzero(known), index[known]] = 1
        return out

    def decode(self, entries: np.ndarray) -> list[Any]:
        """Turn ``(B, width)`` back into cells: numbers in their own type, of a category the likeliest value."""
        if self.values is not None:
            return [self.values[place] for place in entries.argmax(1)]
        numbers = entries[:, 0]
        dtype = np.dtype(self.dtype)
        if dtype.kind == "b":
            return [bool(value >= 0.5) for value in numbers]
        if dtype.kind in "iu":
            limits = np.iinfo(dtype)
            return [min(max(int(value), limits.min), limits.max) for value in numbers.round()]
        return [float(value) for value in numbers.astype(dtype)]

    def typed(self, cells: np.ndarray) -> Any:
        """Return cells as ``datasets`` takes them: numbers as an array of Arrow, in which the largest find room."""
        return list(cells) if self.values is not None else pa.array(np.array(cells, np.dtype(self.dtype)))

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON."""
        own = {"name": self.name, "dtype": self.dtype}
        return own if self.values is None else {**own, "values": list(self.values)}

    @staticmethod
    def from_dict(described: dict[str, Any]) -> Column:
        """Rebuild it from :meth:`to_dict`."""
        values = described.get("values")
        return Column(described["name"], described["dtype"], None if values is None else tuple(values))


@dataclass(frozen=True)
class ColumnsDecoder(Decoder):
    """Turns rows of several columns into vectors ``(B, D)``: a number an entry, a category an entry for each value.

    Attributes:
        parts: The columns; the values of a category of text are known once rows have been seen.
        seen: They have been.
    """

    parts: tuple[Column, ...]
    seen: bool = False

    @property
    def columns(self) -> tuple[str, ...]:  # type: ignore[override]
        """The columns that are read."""
        return tuple(part.name for part in self.parts)

    @property
    def shape(self) -> tuple[int]:
        """(D,)."""
        return (sum(part.width for part in self.parts),)

    @property
    def dtype(self) -> torch.dtype:
        """The type of the result, in which numbers far from zero keep what they differ by."""
        return torch.float64

    @property
    def part_rows(self) -> int:
        """See :class:`Decoder`."""
        return VECTOR_ROWS

    @property
    def scans(self) -> bool:
        """See :class:`Decoder`: texts are the values of a category once all have been seen."""
        return not self.seen

    def scanned(self, parts: Iterable[tuple[Rows, Sequence[int]]]) -> ColumnsDecoder:
        """See :class:`Decoder`: find the values of every category of text."""
        found: dict[str, set[Any]] = {part.name: set() for part in self.parts if part.dtype == "string"}
        for batch, _ in parts:
            for name, values in found.items():
                values |= set(_cells(batch, name))
        known = tuple(
            replace(part, values=tuple(sorted(found[part.name], key=lambda value: (value is not None, value))))
            if part.name in found
            else part
            for part in self.parts
        )
        return replace(self, parts=known, seen=True)

    def __call__(self, batch: Rows, rows: Sequence[int]) -> Tensor:
        """See :class:`Decoder`."""
        encoded = []
        for part in self.parts:
            cells = _cells(batch, part.name)
            entries = part.encode(cells)
            if part.values is None:
                bad = np.flatnonzero(~(np.abs(entries[:, 0]) <= LARGEST))
                if len(bad):
                    raise UserError(
                        f"row {rows[bad[0]]} holds {cells[bad[0]]} in column {part.name!r}, missing, not finite "
                        f"or beyond {LARGEST:g}: mend it or filter the row out"
                    )
            elif not entries.any(1).all():
                place = int(np.flatnonzero(~entries.any(1))[0])
                logger.warning(
                    "column %r: row %d holds %r, which no training row that was looked at holds; it counts as none",
                    part.name,
                    rows[place],
                    cells[place],
                )
            encoded.append(entries)
        return torch.from_numpy(np.concatenate(encoded, 1))


def _cells(batch: Rows, name: str) -> list[Any]:
    values = batch[name]
    return values.to_pylist() if isinstance(values, (pa.Array, pa.ChunkedArray)) else list(values)
