"""SignalKind: series of one length ``(C, T)``, each with a class or a value of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from datasets import List, Value
from torch import Tensor

from hf_distill.data.columns import Columns
from hf_distill.data.kinds.signal_decoder import SignalDecoder
from hf_distill.data.kinds.vector import VectorKind
from hf_distill.data.statistics import Statistics
from hf_distill.errors import ArtifactError, UserError

if TYPE_CHECKING:
    from hf_distill.data.spec import DataSpec


_LISTS = (list, tuple, np.ndarray)


class _ChannelStatistics(Statistics):
    def add(self, part: Tensor) -> None:
        super().add(part.transpose(1, 2).flatten(0, 1))


class SignalKind(VectorKind):
    """What vectors are where ``time_axis`` says that their numbers follow one another; normalised per channel."""

    name = "signal"
    noun = "a List of numbers"
    plural = "series"
    options = ("time_axis",)
    instead_of = "vector"

    def takes(self, feature: Any) -> bool:
        """See :class:`Kind`: a feature does not tell a series from a vector."""
        return False

    def joins(self, features: Sequence[Any]) -> bool:
        """See :class:`Kind`."""
        return False

    def decoder(
        self, columns: Columns, first: Mapping[str, Any], options: dict[str, Any], base: Path | None
    ) -> SignalDecoder:
        """See :class:`Kind`."""
        plain = super().decoder(columns, first, {"transform": None}, base)
        value: Sequence[Any] = [0.0] if columns.joined else first[columns.inputs[0]]
        nested = isinstance(value[0], _LISTS)
        if nested and isinstance(value[0][0], _LISTS):
            raise UserError(f"column {columns.inputs[0]!r} holds lists of lists of lists; a series has channels alone")
        count = len(value) if nested else 1
        if plain.length % count:
            raise UserError(f"row 0 has channels of several lengths in column {columns.inputs[0]!r}: bring all to one")
        sizes = (count, plain.length // count)
        steps_first = nested and options["time_axis"] == "first"
        return SignalDecoder(
            plain.length, plain.columns, plain.joined, sizes=sizes, nested=nested, steps_first=steps_first
        )

    def statistics(self, decoder: SignalDecoder) -> Statistics:  # type: ignore[override]
        """See :class:`Kind`."""
        return _ChannelStatistics()

    def published(self, columns: Columns, features: Mapping[str, Any], decoder: SignalDecoder) -> dict[str, Any]:  # type: ignore[override]
        """See :class:`Kind`."""
        if not decoder.nested:
            return super().published(columns, features, decoder)
        inner = columns.feature
        while hasattr(inner, "feature"):
            inner = inner.feature
        return {columns.input: List(List(Value(inner.dtype)))}

    def known(self, columns: Columns, decoder: SignalDecoder) -> dict[str, Any]:  # type: ignore[override]
        """See :class:`Kind`."""
        axis = "first" if decoder.steps_first else "last"
        return {**super().known(columns, decoder), "about": {"time_axis": axis, "nested": decoder.nested}}

    def statistics_shape(self, spec: DataSpec) -> tuple[int, ...]:
        """See :class:`Kind`: per channel."""
        return (-1, 1)

    def chosen(self, spec: DataSpec, rows: pa.Table) -> np.ndarray | None:
        """See :class:`Kind`: the numbers in their own type."""
        numbers = super().chosen(spec, rows)
        assert numbers is not None
        return _by_channel(spec, numbers.reshape(len(numbers), *_written_shape(spec)))

    def write(self, spec: DataSpec, stored: np.ndarray) -> dict[str, list[Any]]:
        """See :class:`Kind`."""
        numbers = _by_channel(spec, stored)
        return {spec.input_column: (numbers if spec.about["nested"] else numbers[:, 0]).tolist()}

    def read(self, spec: DataSpec, table: pa.Table) -> np.ndarray:
        """See :class:`Kind`."""
        try:
            numbers = np.array(table[spec.input_column].to_pylist(), self.value_dtype(spec))
            return _by_channel(spec, numbers.reshape(len(table), *_written_shape(spec)))
        except (TypeError, ValueError) as error:
            raise ArtifactError(f"a series is not {' x '.join(map(str, spec.shape))} numbers: it is damaged") from error


def _written_shape(spec: DataSpec) -> tuple[int, ...]:
    """Return the shape of a series in the order in which its column holds the numbers."""
    return spec.shape[::-1] if spec.about["time_axis"] == "first" else spec.shape


def _by_channel(spec: DataSpec, numbers: np.ndarray) -> np.ndarray:
    """Return what a column holds ``(M, T, C)`` or ``(M, C, T)`` as ``(M, C, T)``, and the other way round."""
    return np.ascontiguousarray(numbers.swapaxes(1, 2)) if spec.about["time_axis"] == "first" else numbers
