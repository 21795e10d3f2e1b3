"""VectorKind: numbers ``(D,)``, stored in the source's own type."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import torch
from datasets import Dataset, List, Value
from torch import Tensor

from hf_distill.data.broken import refuse_broken
from hf_distill.data.columns import Columns, as_vector, is_number, is_vector, say_joined
from hf_distill.data.counters import without_counters
from hf_distill.data.kinds.base import Kind
from hf_distill.data.kinds.vector_decoder import VectorDecoder, flattened
from hf_distill.data.spec import FAR
from hf_distill.errors import UserError

if TYPE_CHECKING:
    from hf_distill.data.spec import DataSpec


class VectorKind(Kind):
    """A column of lists or arrays of numbers, or columns of single numbers that are joined; normalised per entry."""

    name = "vector"
    topic = "tabular"
    noun = "a List of numbers"
    plural = "numbers"
    keeps_source = True
    options = ("transform",)

    def takes(self, feature: Any) -> bool:
        """See :class:`Kind`."""
        return is_vector(feature)

    def joins(self, features: Sequence[Any]) -> bool:
        """See :class:`Kind`."""
        return all(map(is_number, features))

    def reads(self, feature: Any, spec: DataSpec) -> bool:
        """See :class:`Kind`."""
        return is_number(feature) if spec.columns else is_vector(feature)

    def settled(self, columns: Columns, table: Any, named: bool) -> Columns:
        """See :class:`Kind`."""
        if columns.joined:
            if not named and isinstance(table, Dataset):
                columns = without_counters(columns, table)
                for name in set(table.features) - set(columns.all):
                    refuse_broken(table, name, "input_column")
            say_joined(columns, table.features)
        return columns

    def decoder(
        self, columns: Columns, first: Mapping[str, Any], options: dict[str, Any], base: Path | None
    ) -> VectorDecoder:
        """See :class:`Kind`."""
        column, transform = columns.inputs[0], options["transform"]
        numbers = list(columns.inputs) if columns.joined else flattened(first[column])
        if not numbers:
            raise UserError(f"row 0 has no numbers in column {column!r}")
        if transform is not None:
            transform.check(len(numbers))
        return VectorDecoder(len(numbers), columns.inputs, columns.joined, transform)

    def published(self, columns: Columns, features: Mapping[str, Any], decoder: VectorDecoder) -> dict[str, Any]:
        """See :class:`Kind`."""
        length = decoder.shape[0]
        if decoder.transform is not None:
            feature = List(Value("float32"), length=length)
        elif columns.joined:
            feature = List(columns.feature, length=length)
        else:
            feature = as_vector(columns.feature, length)
        return {columns.input: feature}

    def known(self, columns: Columns, decoder: VectorDecoder) -> dict[str, Any]:
        """See :class:`Kind`."""
        return {
            "transform": decoder.transform.config() if decoder.transform is not None else None,
            "columns": columns.inputs if columns.joined else (),
        }

    def value_dtype(self, spec: DataSpec) -> np.dtype:
        """See :class:`Kind`."""
        feature = spec.features[spec.input_column]
        inner = feature.get("feature", feature)
        while "feature" in inner:
            inner = inner["feature"]
        return np.dtype({"float": "float32", "double": "float64"}.get(inner["dtype"], inner["dtype"]))

    def normalize(self, spec: DataSpec, raw: Tensor) -> Tensor:
        """See :class:`Kind`; what comes in double precision is centred in double precision."""
        if raw.dtype != torch.float64:
            return super().normalize(spec, raw)
        mean, std = spec.statistics(raw, torch.float64)
        return ((raw - mean) / std).float()

    def denormalize(self, spec: DataSpec, x: Tensor) -> Tensor:
        """See :class:`Kind`."""
        dtype = self.value_dtype(spec)
        kind = torch.float64 if self._is_wide(spec, dtype) else torch.float32
        mean, std = spec.statistics(x, kind)
        value = x.detach().to(kind) * std + mean
        if dtype.kind in "iub":
            least, most = (0, 1) if dtype.kind == "b" else limits_of(dtype)
            return value.round().clamp(least, most)
        return value

    def _is_wide(self, spec: DataSpec, dtype: np.dtype) -> bool:
        """Whether single precision would round away what is learned of a vector, which may lie far from zero."""
        if dtype.itemsize < 4 or dtype == np.float32:
            return False
        return dtype.kind in "iu" or any(abs(mean) > FAR * std for mean, std in zip(spec.mean, spec.std, strict=True))

    def chosen(self, spec: DataSpec, rows: pa.Table) -> np.ndarray | None:
        """See :class:`Kind`: the numbers in their own type, unless they are transformed."""
        if spec.transform is not None:
            return None
        columns = [rows[name].to_pylist() for name in spec.columns or (spec.input_column,)]
        numbers = zip(*columns, strict=True) if spec.columns else map(flattened, columns[0])
        return np.array(list(numbers), self.value_dtype(spec))

    def write(self, spec: DataSpec, stored: np.ndarray) -> dict[str, list[Any]]:
        """See :class:`Kind`."""
        return {spec.input_column: list(stored)}

    def read(self, spec: DataSpec, table: pa.Table) -> np.ndarray:
        """See :class:`Kind`."""
        return np.stack(table[spec.input_column].to_numpy()).astype(self.value_dtype(spec), copy=False)


def limits_of(dtype: np.dtype) -> tuple[float, float]:
    """Return the least and the greatest real number of double precision that an integer type holds."""
    least, most = float(np.iinfo(dtype).min), float(np.iinfo(dtype).max)
    return least, most if int(most) <= np.iinfo(dtype).max else float(np.nextafter(most, 0.0))
