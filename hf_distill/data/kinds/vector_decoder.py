"""Decoding rows of numbers into tensors, with errors that name the row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from datasets import Dataset
from torch import Tensor

from hf_distill.data.kinds.decoder import Decoder, Rows
from hf_distill.data.narrow import narrowed
from hf_distill.data.spec import FAR
from hf_distill.data.statistics import VECTOR_ROWS
from hf_distill.data.vectors import VectorTransform
from hf_distill.errors import UserError

# Larger numbers are slips of the pen or marks of missing values; sums and squares of theirs leave float32 and float64.
LARGEST = 1e30
# Rows that tell whether float32 holds a column.
_SAMPLE = 4096


@dataclass(frozen=True)
class VectorDecoder(Decoder):
    """Turns lists of numbers, of any depth, or several columns of numbers into vectors of one length.

    They are float32, or float64 where that loses what the numbers differ by: 1e8 plus noise.

    Attributes:
        length: Numbers in a row of the source.
        columns: Where they come from: one column of lists, or columns of single numbers.
        joined: They are columns of single numbers.
        transform: What is done to every row; None for nothing.
        wide: Keep the numbers in double precision.
    """

    length: int
    columns: tuple[str, ...]
    joined: bool = False
    transform: VectorTransform | None = None
    wide: bool = False

    @property
    def shape(self) -> tuple[int, ...]:
        """(D,)."""
        return (self.length if self.transform is None else self.transform.width(self.length),)

    @property
    def dtype(self) -> torch.dtype:
        """The type of the result."""
        return torch.float64 if self.wide else torch.float32

    @property
    def part_rows(self) -> int:
        """See :class:`Decoder`."""
        return VECTOR_ROWS

    def __call__(self, batch: Rows, rows: Sequence[int]) -> Tensor:
        """Stack rows into ``(B, D)``, transformed; ``rows`` are named in errors.

        Raises:
            UserError: A row has another length, or a number that is missing, not finite or absurd.
        """
        numbers = self._numbers(batch, rows)
        self._check(numbers, rows, "in")
        out = torch.from_numpy(numbers.astype(np.float64 if self.wide else np.float32))
        if self.transform is None:
            return out
        out = self.transform.apply(out, rows)
        self._check(out.numpy(), rows, "after data.transform of")
        return out

    def surveyed(self, table: Dataset) -> VectorDecoder:
        """Look at a random sample of the rows and return a decoder of the precision that they need."""
        if self.transform is not None:
            return self
        rows = torch.randperm(len(table), generator=torch.Generator().manual_seed(0))[:_SAMPLE].sort().values.tolist()
        return self.fitting(narrowed(table, self.columns).with_format("arrow")[rows], rows)

    def fitting(self, batch: Rows, rows: Sequence[int]) -> VectorDecoder:
        """Return a decoder of the precision that some rows need."""
        if self.transform is not None:
            return self
        numbers = self._numbers(batch, rows)
        self._check(numbers, rows, "in")
        lost = np.abs(numbers - numbers.astype(np.float32)).max(0)
        center = numbers.mean(0)
        spread = np.sqrt(np.square(numbers - center).mean(0))
        wide = bool(((np.abs(center) > FAR * spread) & (spread > 0) & (lost > 0)).any())
        return replace(self, wide=wide)

    def _numbers(self, batch: Rows, rows: Sequence[int]) -> np.ndarray:
        if self.joined:
            return np.stack([_column(batch[name]) for name in self.columns], 1)
        name = self.columns[0]
        values = batch[name]
        if isinstance(values, (pa.Array, pa.ChunkedArray)):
            flat = _flat(values)
            if flat is not None and len(flat) == len(values) * self.length:
                return flat.reshape(len(values), self.length)
            values = values.to_pylist()
        out = np.empty((len(rows), self.length))
        for slot, (value, row) in enumerate(zip(values, rows, strict=True)):
            numbers = flattened(value)
            if numbers is None or len(numbers) != self.length:
                found = "nothing" if numbers is None else f"{len(numbers)} numbers"
                raise UserError(
                    f"row {row} holds {found}, the first row {self.length} numbers (column {name!r}): mend it or "
                    "filter the row out"
                )
            out[slot] = numbers  # None becomes NaN
        return out

    def _check(self, numbers: np.ndarray, rows: Sequence[int], what: str) -> None:
        bad = np.argwhere(~(np.abs(numbers) <= LARGEST))
        if len(bad):
            place, entry = bad[0]
            where = repr(self.columns[entry]) if self.joined else f"{self.columns[0]!r} (entry {entry})"
            raise UserError(
                f"row {rows[place]} holds {numbers[place, entry]:g} {what} column {where}, which is missing, not "
                f"finite or beyond {LARGEST:g}: mend it or filter the row out"
            )


def flattened(value: Any) -> list[Any] | None:
    """Return the numbers of a list of any depth in their order; None where there is no list."""
    if value is None:
        return None
    if not len(value) or not isinstance(value[0], (list, tuple, np.ndarray)):
        return list(value)
    inner = [flattened(part) for part in value]
    return None if any(part is None for part in inner) else [number for part in inner for number in part or ()]


def _column(values: Any) -> np.ndarray:
    if isinstance(values, (pa.Array, pa.ChunkedArray)):
        return np.asarray(values.cast(pa.float64(), safe=False).to_numpy())  # missing ones become NaN
    return np.asarray(values, np.float64)


def _flat(values: pa.Array | pa.ChunkedArray) -> np.ndarray | None:
    """Return all numbers of a plain column of lists in one piece, or None where some row or number is missing."""
    array = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
    lists = (
        pa.types.is_list(array.type) or pa.types.is_large_list(array.type) or pa.types.is_fixed_size_list(array.type)
    )
    if not lists or array.null_count:
        return None
    lengths = np.asarray(array.value_lengths())
    inner = array.flatten()
    if inner.null_count or pa.types.is_nested(inner.type) or not (lengths == lengths[:1]).all():
        return None
    return np.asarray(inner.cast(pa.float64(), safe=False))
