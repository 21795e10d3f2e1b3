"""Decoding rows of numbers into tensors, with errors that name the row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from datasets import Dataset, Image
from torch import Tensor

from hf_distill.data.columns import Columns
from hf_distill.data.images import ImageDecoder
from hf_distill.data.spec import FAR
from hf_distill.data.statistics import VECTOR_ROWS
from hf_distill.data.vectors import VectorTransform
from hf_distill.errors import UserError

# Larger numbers are slips of the pen or marks of missing values; sums and squares of theirs leave float32 and float64.
LARGEST = 1e30
# Numbers that are decoded or normalised at once: 8 MiB of float32, whatever a row holds.
_CHUNK_VALUES = 2**21
# Rows that tell whether float32 holds a column.
_SAMPLE = 4096


@dataclass(frozen=True)
class VectorDecoder:
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
    def shape(self) -> tuple[int]:
        """(D,)."""
        return (self.length if self.transform is None else self.transform.width(self.length),)

    @property
    def dtype(self) -> torch.dtype:
        """The type of the result."""
        return torch.float64 if self.wide else torch.float32

    def __call__(self, batch: Mapping[str, Any], rows: Sequence[int]) -> Tensor:
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
        return self.fitting(table.select_columns(list(self.columns)).with_format("arrow")[rows], rows)

    def fitting(self, batch: Mapping[str, Any], rows: Sequence[int]) -> VectorDecoder:
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

    def _numbers(self, batch: Mapping[str, Any], rows: Sequence[int]) -> np.ndarray:
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


Decoder = ImageDecoder | VectorDecoder


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


def decoder_for(
    columns: Columns,
    first: Mapping[str, Any],
    *,
    image_size: int | None = None,
    image_mode: str | None = None,
    transform: VectorTransform | None = None,
    base: Path | None = None,
) -> Decoder:
    """Return the decoder of the input columns, after the first row.

    Raises:
        UserError: The first value is missing or cannot be read, or an option does not fit it.
    """
    column, feature = columns.inputs[0], columns.feature
    if isinstance(feature, Image):
        if transform is not None:
            raise UserError(f"data.transform works on numbers, and column {column!r} holds images: leave it out")
        return ImageDecoder.like(
            column, first[column], declared=feature.mode, image_size=image_size, image_mode=image_mode, base=base
        )
    for option, value in (("image_size", image_size), ("image_mode", image_mode)):
        if value is not None:
            raise UserError(f"data.{option} is for images, and column {column!r} holds numbers: leave it out")
    numbers = list(columns.inputs) if columns.joined else flattened(first[column])
    if not numbers:
        raise UserError(f"row 0 has no numbers in column {column!r}")
    if transform is not None:
        transform.check(len(numbers))
    return VectorDecoder(len(numbers), columns.inputs, columns.joined, transform)


def chunk_rows(shape: tuple[int, ...]) -> int:
    """Return how many samples of some shape are handled at once."""
    return max(1, _CHUNK_VALUES // max(1, torch.Size(shape).numel()))


def part_rows(decoder: Decoder) -> int:
    """Return how many samples are summed at once for statistics."""
    return chunk_rows(decoder.shape) if isinstance(decoder, ImageDecoder) else VECTOR_ROWS


def undecoded(dataset: Any, columns: tuple[str, ...]) -> Any:
    """Leave images encoded: our decoder checks mode and size and names the row that it cannot read."""
    if len(columns) == 1 and isinstance(dataset.features and dataset.features[columns[0]], Image):
        return dataset.cast_column(columns[0], Image(decode=False))
    return dataset
