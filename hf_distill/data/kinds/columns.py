"""ColumnsKind: rows of several columns, numbers and categories, as vectors ``(D,)``; published as the same columns."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import torch
from datasets import ClassLabel, Dataset, Value
from torch import Tensor

from hf_distill.data.columns import Columns, is_number, listed
from hf_distill.data.counters import names_rows, without_counters
from hf_distill.data.kinds.base import Kind
from hf_distill.data.kinds.columns_decoder import Column, ColumnsDecoder
from hf_distill.data.kinds.table import kind_named
from hf_distill.data.narrow import narrowed
from hf_distill.errors import ArtifactError, UserError

if TYPE_CHECKING:
    from hf_distill.data.spec import DataSpec

# A column of text that nobody named is a category where it has few values, each of which comes many times.
_MOST_VALUES, _LEAST_ROWS = 100, 10

logger = logging.getLogger(__name__)


class ColumnsKind(Kind):
    """Columns of numbers and of categories: ``ClassLabel``, or text of few values.

    A number is an entry of the vector, divided by its deviation; a category has an entry for each of its values, one
    for the value that a row holds less the share of the rows that hold it.
    """

    name = "columns"
    topic = "tabular"
    noun = "a number or a category"
    plural = "numbers and categories"
    has_means = False
    keeps_source = True

    def takes(self, feature: Any) -> bool:
        """See :class:`Kind`: a single column is of another kind."""
        return False

    def joins(self, features: Sequence[Any]) -> bool:
        """See :class:`Kind`: several, of which one at least is a category."""
        return len(features) > 1 and all(is_number(feature) or is_category(feature) for feature in features)

    def mixes(self, feature: Any) -> bool:
        """See :class:`Kind`."""
        return is_number(feature) or is_category(feature)

    def settled(self, columns: Columns, table: Any, named: bool) -> Columns:
        """See :class:`Kind`: texts that nobody named and that are hardly a category are left out."""
        features = table.features
        if not named:
            kept = columns.inputs
            if isinstance(table, Dataset):
                numbers = tuple(name for name in kept if is_number(features[name]))
                if numbers:
                    numbers = without_counters(replace(columns, inputs=numbers), table).inputs
                kept = tuple(
                    name for name in kept if name in numbers or (is_category(features[name]) and is_few(table, name))
                )
            else:
                kept = tuple(name for name in kept if not _is_text(features[name]))
            columns = replace(columns, inputs=kept or columns.inputs)
            if all(is_number(features[name]) for name in columns.inputs):
                return columns.of(features, named=named, table=table)
        categories = [name for name in columns.inputs if not is_number(features[name])]
        if named and isinstance(table, Dataset):
            wrong = next((name for name in categories if not is_few(table, name)), None)
            if wrong is not None:
                return kind_named("mixed").settled(replace(columns, kind=kind_named("mixed")), table, named)
        rest = [name for name in features if name not in columns.all]
        logger.warning(
            "%d columns are read, of them %d categories (%s)%s",
            len(columns.inputs),
            len(categories),
            listed(categories),
            f"; left out: {listed(rest)}" if rest else "",
        )
        return replace(columns, features=features)

    def reads(self, feature: Any, spec: DataSpec) -> bool:
        """See :class:`Kind`."""
        return self.mixes(feature)

    def decoder(
        self, columns: Columns, first: Mapping[str, Any], options: dict[str, Any], base: Path | None
    ) -> ColumnsDecoder:
        """See :class:`Kind`."""
        parts = tuple(_column(name, columns.features[name]) for name in columns.inputs)
        return ColumnsDecoder(parts, seen=not any(part.dtype == "string" for part in parts))

    def published(self, columns: Columns, features: Mapping[str, Any], decoder: ColumnsDecoder) -> dict[str, Any]:
        """See :class:`Kind`: the source's columns."""
        return {name: features[name] for name in columns.inputs}

    def known(self, columns: Columns, decoder: ColumnsDecoder) -> dict[str, Any]:
        """See :class:`Kind`."""
        return {"columns": columns.inputs, "about": {"columns": [part.to_dict() for part in decoder.parts]}}

    @staticmethod
    def parts(spec: DataSpec) -> list[Column]:
        """Return the columns of a specification."""
        return [Column.from_dict(described) for described in spec.about["columns"]]

    def numbering(self, spec: DataSpec) -> list[Any]:
        """See :class:`Kind`: the categories of each column."""
        return [part.values for part in self.parts(spec)]

    def value_dtype(self, spec: DataSpec) -> np.dtype:
        """See :class:`Kind`: cells of any type."""
        return np.dtype(object)

    def bits_per_value(self, spec: DataSpec) -> int:
        """See :class:`Kind`: of a number in single precision."""
        return 32

    def sample_bits(self, spec: DataSpec) -> int:
        """See :class:`Kind`: of numbers those of their type, of a category ``ceil(log2(values))``."""
        return sum(
            8 * np.dtype(part.dtype).itemsize if part.values is None else max(1, (len(part.values) - 1).bit_length())
            for part in self.parts(spec)
        )

    def _scale(self, spec: DataSpec, like: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and deviation in double precision; categories are not divided."""
        mean, std = spec.statistics(like, torch.float64)
        category = [part.values is not None for part in self.parts(spec) for _ in range(part.width)]
        return mean, torch.where(torch.tensor(category, device=like.device), torch.ones_like(std), std)

    def normalize(self, spec: DataSpec, raw: Tensor) -> Tensor:
        """See :class:`Kind`."""
        mean, std = self._scale(spec, raw)
        return ((raw.double() - mean) / std).float()

    def denormalize(self, spec: DataSpec, x: Tensor) -> Tensor:
        """See :class:`Kind`: what :meth:`store` reads cells from."""
        mean, std = self._scale(spec, x)
        return x.detach().double() * std + mean

    def stored_shape(self, spec: DataSpec) -> tuple[int, ...]:
        """See :class:`Kind`: a cell a column."""
        return (len(spec.about["columns"]),)

    def store(self, spec: DataSpec, x: Tensor) -> np.ndarray:
        """See :class:`Kind`: cells ``(B, columns)``."""
        entries = self.denormalize(spec, x).cpu().numpy()
        out = np.empty((len(entries), len(spec.about["columns"])), dtype=object)
        start = 0
        for place, part in enumerate(self.parts(spec)):
            out[:, place] = part.decode(entries[:, start : start + part.width])
            start += part.width
        return out

    def chosen(self, spec: DataSpec, rows: pa.Table) -> np.ndarray:
        """See :class:`Kind`: the cells."""
        return self._cells(rows, [part.name for part in self.parts(spec)])

    @staticmethod
    def _cells(table: pa.Table, names: Sequence[str]) -> np.ndarray:
        out = np.empty((len(table), len(names)), dtype=object)
        for place, name in enumerate(names):
            out[:, place] = table[name].to_pylist()
        return out

    def load(self, spec: DataSpec, stored: np.ndarray) -> Tensor:
        """See :class:`Kind`."""
        encoded = [part.encode(list(stored[:, place])) for place, part in enumerate(self.parts(spec))]
        return self.normalize(spec, torch.from_numpy(np.concatenate(encoded, 1)))

    def write(self, spec: DataSpec, stored: np.ndarray) -> dict[str, list[Any]]:
        """See :class:`Kind`."""
        return {part.name: part.typed(stored[:, place]) for place, part in enumerate(self.parts(spec))}

    def read(self, spec: DataSpec, table: pa.Table) -> np.ndarray:
        """See :class:`Kind`."""
        out = self._cells(table, [part.name for part in self.parts(spec)])
        for place, part in enumerate(self.parts(spec)):
            known = set(part.values or ())
            if any(cell not in known if part.values is not None else cell is None for cell in out[:, place]):
                raise ArtifactError(f"column {part.name!r} holds what is none of its values: it is damaged")
        return out


def is_category(feature: Any) -> bool:
    """Whether a column may hold a category."""
    return isinstance(feature, ClassLabel) or _is_text(feature)


def _is_text(feature: Any) -> bool:
    return isinstance(feature, Value) and feature.dtype in ("string", "large_string")


def is_few(table: Dataset, name: str) -> bool:
    """Whether a column that nobody named has so few values that it is a category."""
    if isinstance(table.info.features[name], ClassLabel):
        return True
    if names_rows(name):
        return False
    values = narrowed(table, [name]).with_format("arrow")[:][name]
    count = len(values.unique())
    return 1 < count <= _MOST_VALUES and count * _LEAST_ROWS <= len(values)


def _column(name: str, feature: Any) -> Column:
    if isinstance(feature, ClassLabel):
        return Column(name, "class", tuple(range(len(feature.names))))
    if _is_text(feature):
        return Column(name, "string", ())
    if is_number(feature):
        return Column(name, np.dtype(feature().to_pandas_dtype()).name)
    raise UserError(f"column {name!r} is {feature}; a number or a category is needed")
