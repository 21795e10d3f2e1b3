"""MixedKind: rows of several columns of any kinds, as flat vectors ``(D,)``; published as the same columns."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import torch
from datasets import ClassLabel, Dataset, Features, Value
from torch import Tensor

from hf_distill.data.columns import Columns, is_number, listed
from hf_distill.data.kinds.base import Kind
from hf_distill.data.kinds.columns import is_category, is_few
from hf_distill.data.kinds.mixed_decoder import MixedDecoder, SeveralStatistics
from hf_distill.data.kinds.table import kind_named, kinds
from hf_distill.data.statistics import Statistics
from hf_distill.pieces import pieces

if TYPE_CHECKING:
    from hf_distill.data.spec import DataSpec

logger = logging.getLogger(__name__)


class MixedKind(Kind):
    """A kind of kinds: an image with its text, a sound with a number. Every column is an input of its own kind.

    Numbers and categories are together one part, of the kind ``columns``; every other column is a part. A row is a
    flat vector of what its parts decode to, texts last; :meth:`parts` and :meth:`split` take it apart again, and
    everything is asked of the parts.
    """

    name = "mixed"
    topic = "multimodal"
    noun = "a list of such columns"
    plural = "rows of several kinds"
    has_means = False
    continuous = False
    keeps_source = True

    def takes(self, feature: Any) -> bool:
        """See :class:`Kind`: a single column is of another kind."""
        return False

    def joins(self, features: Sequence[Any]) -> bool:
        """See :class:`Kind`: several, whatever they are."""
        return len(features) > 1 and all(_is_cell(feature) or _kind_of(feature) for feature in features)

    def settled(self, columns: Columns, table: Any, named: bool) -> Columns:
        """See :class:`Kind`: find the parts. A text of few values is a category, any other one is read."""
        features = table.features
        cells = tuple(name for name in columns.inputs if _is_cell(features[name]) and not _is_read(table, name))
        found: dict[tuple[str, ...], Kind] = {}
        for name in columns.inputs:
            if name in cells:
                found[cells] = kind_named("columns")
            else:
                kind = _kind_of(features[name])
                assert kind is not None
                found[(name,)] = kind
        parts = [
            replace(
                columns,
                inputs=names,
                kind=kind,
                feature=None if names == cells else features[names[0]],
                features=features,
            )
            for names, kind in sorted(found.items(), key=lambda part: not part[1].continuous)
        ]
        rest = [name for name in features if name not in columns.all]
        logger.warning(
            "%s%s",
            "; ".join(f"{listed(part.inputs)}: {part.kind.plural}" for part in parts),
            f"; left out: {listed(rest)}" if rest else "",
        )
        inputs = tuple(name for part in parts for name in part.inputs)
        return replace(columns, inputs=inputs, feature=None, features=features, parts=tuple(parts))

    def encoded(self, feature: Any) -> Any:
        """See :class:`Kind`."""
        kind = _kind_of(feature)
        return feature if kind is None else kind.encoded(feature)

    def reads(self, feature: Any, spec: DataSpec) -> bool:
        """See :class:`Kind`."""
        return any(part.form.reads(feature, part) for part in self.parts(spec))

    def decoder(
        self, columns: Columns, first: Mapping[str, Any], options: dict[str, Any], base: Path | None
    ) -> MixedDecoder:
        """See :class:`Kind`."""
        made = [
            part.kind.decoder(part, first, {name: options[name] for name in part.kind.options}, base)
            for part in columns.parts
        ]
        return MixedDecoder(tuple(made), tuple(part.kind.name for part in columns.parts))

    def statistics(self, decoder: MixedDecoder) -> Statistics:  # type: ignore[override]
        """See :class:`Kind`: those of the parts, one after another."""
        parts = decoder.parts
        each = [kind_named(kind).statistics(part) for kind, part in zip(decoder.kinds, parts, strict=True)]
        return SeveralStatistics(each, [part.shape for part in parts])

    def published(self, columns: Columns, features: Mapping[str, Any], decoder: MixedDecoder) -> dict[str, Any]:  # type: ignore[override]
        """See :class:`Kind`: what is published of every part."""
        each = zip(columns.parts, decoder.parts, strict=True)
        return {name: own for part, made in each for name, own in part.kind.published(part, features, made).items()}

    def known(self, columns: Columns, decoder: MixedDecoder) -> dict[str, Any]:  # type: ignore[override]
        """See :class:`Kind`: of every part its kind, column, shape and what its kind knows."""
        parts = []
        for part, made in zip(columns.parts, decoder.parts, strict=True):
            own = {name: value for name, value in part.kind.known(part, made).items() if value}
            about = {"kind": part.kind.name, "input_column": part.input, "shape": list(made.shape)}
            parts.append(
                about | {name: list(value) if isinstance(value, tuple) else value for name, value in own.items()}
            )
        return {"columns": columns.inputs, "about": {"parts": parts}}

    def numbering(self, spec: DataSpec) -> list[Any]:
        """See :class:`Kind`: that of the parts."""
        return [part.form.numbering(part) for part in self.parts(spec)]

    @staticmethod
    def parts(spec: DataSpec) -> list[DataSpec]:
        """Return the specifications of the parts, each as if there were no other."""
        found, start = [], 0
        for about in spec.about["parts"]:
            kind, shape = kind_named(about["kind"]), tuple(about["shape"])
            stop = start + kind.num_statistics(shape)
            scale = about.get("scale")
            own = replace(
                spec,
                task=f"{kind.topic}-{spec.goal.suffix}",
                kind=kind.name,
                input_column=about["input_column"],
                shape=shape,
                mean=spec.mean[start:stop],
                std=spec.std[start:stop],
                columns=tuple(about.get("columns", ())),
                scale=None if scale is None else tuple(scale),
                transform=about.get("transform"),
                about=about.get("about", {}),
            )
            found.append(own)
            start = stop
        return found

    def hub_tasks(self, spec: DataSpec) -> list[str]:
        """See :class:`Kind`: the Hub has none of several kinds, but those of each."""
        return list(dict.fromkeys(part.task for part in self.parts(spec)))

    def split(self, spec: DataSpec, x: Tensor) -> list[tuple[DataSpec, Tensor]]:
        """Return the specification of every part with its piece ``(B, *shape)`` of inputs or decoded values."""
        parts = self.parts(spec)
        return list(zip(parts, pieces(x, [part.shape for part in parts]), strict=True))

    @staticmethod
    def columns_of(part: DataSpec) -> tuple[str, ...]:
        """Return the published columns of a part."""
        return part.columns or (part.input_column,)

    def value_dtype(self, spec: DataSpec) -> np.dtype:
        """See :class:`Kind`: cells of any type."""
        return np.dtype(object)

    def bits_per_value(self, spec: DataSpec) -> int:
        """See :class:`Kind`: on average."""
        return max(1, round(self.sample_bits(spec) / spec.shape[0]))

    def sample_bits(self, spec: DataSpec) -> int:
        """See :class:`Kind`: of all parts."""
        return sum(part.form.sample_bits(part) for part in self.parts(spec))

    def stored_bits(self, spec: DataSpec, stored: np.ndarray) -> int:
        """See :class:`Kind`: of all parts."""
        bits, start = 0, 0
        for part in self.parts(spec):
            if part.form.varies(part):
                bits += part.form.stored_bits(part, stored[:, start])
            else:
                bits += len(stored) * part.form.sample_bits(part)
            start += len(self.columns_of(part))
        return bits

    def varies(self, spec: DataSpec) -> bool:
        """See :class:`Kind`: where a part does."""
        return any(part.form.varies(part) for part in self.parts(spec))

    def normalize(self, spec: DataSpec, raw: Tensor) -> Tensor:
        """See :class:`Kind`."""
        return torch.cat([part.form.normalize(part, own).flatten(1) for part, own in self.split(spec, raw)], 1)

    def denormalize(self, spec: DataSpec, x: Tensor) -> Tensor:
        """See :class:`Kind`."""
        each = self.split(spec, x)
        return torch.cat([part.form.denormalize(part, own).flatten(1).double() for part, own in each], 1)

    def flat(self, spec: DataSpec, x: Tensor) -> Tensor:
        """See :class:`Kind`: quantities are scaled so that every part counts alike."""
        found = []
        for part, own in self.split(spec, x):
            point = part.form.flat(part, own)
            found.append(point / point.shape[1] ** 0.5 if part.form.continuous else point)
        return torch.cat(found, 1)

    def limits(self, spec: DataSpec, like: Tensor) -> tuple[Tensor, Tensor]:
        """See :class:`Kind`: infinite where a part has none."""
        ends: tuple[list[Tensor], list[Tensor]] = ([], [])
        for part in self.parts(spec):
            endless = torch.full(part.shape, torch.inf, device=like.device)
            own = part.form.limits(part, like) or (-endless, endless)
            for found, end in zip(ends, own, strict=True):
                found.append(end.expand(part.shape).flatten())
        return torch.cat(ends[0]), torch.cat(ends[1])

    def stored_shape(self, spec: DataSpec) -> tuple[int, ...]:
        """See :class:`Kind`: a cell a column."""
        return (len(spec.columns),)

    def store(self, spec: DataSpec, x: Tensor) -> np.ndarray:
        """See :class:`Kind`: cells ``(B, columns)`` as ``datasets`` takes them: PNG files, texts, numbers."""
        return self._cells(
            spec, [part.form.write(part, part.form.store(part, own)) for part, own in self.split(spec, x)]
        )

    def chosen(self, spec: DataSpec, rows: pa.Table) -> np.ndarray:
        """See :class:`Kind`: the cells of the parts that keep the source's, None in the places of the others."""
        written: list[Mapping[str, Any]] = []
        for part in self.parts(spec):
            own = part.form.chosen(part, rows)
            nothing = {name: [None] * len(rows) for name in self.columns_of(part)}
            written.append(nothing if own is None else part.form.write(part, own))
        return self._cells(spec, written)

    @staticmethod
    def _cells(spec: DataSpec, written: Sequence[Mapping[str, Any]]) -> np.ndarray:
        columns = {name: own for part in written for name, own in part.items()}
        out = np.empty((len(columns[spec.columns[0]]), len(spec.columns)), dtype=object)
        for place, name in enumerate(spec.columns):
            for row, cell in enumerate(_listed(columns[name])):
                out[row, place] = cell
        return out

    def load(self, spec: DataSpec, stored: np.ndarray) -> Tensor:
        """See :class:`Kind`."""
        table = pa.table(self.write(spec, stored))
        each = [part.form.load(part, part.form.read(part, table)) for part in self.parts(spec)]
        return torch.cat([own.flatten(1) for own in each], 1)

    def write(self, spec: DataSpec, stored: np.ndarray) -> dict[str, Any]:
        """See :class:`Kind`."""
        features = Features.from_dict(spec.features)
        columns = {name: list(stored[:, place]) for place, name in enumerate(spec.columns)}
        return {
            name: pa.array(own, features[name].pa_type if isinstance(features[name], Value) else None)
            for name, own in columns.items()
        }

    def plain(self, feature: Any) -> Any:
        """See :class:`Kind`."""
        kind = _kind_of(feature)
        return feature if kind is None else kind.plain(feature)

    def read(self, spec: DataSpec, table: pa.Table) -> np.ndarray:
        """See :class:`Kind`."""
        for part in self.parts(spec):
            part.form.read(part, table)
        return self._cells(spec, [{name: table[name] for name in spec.columns}])


def _listed(column: Any) -> list[Any]:
    if isinstance(column, (pa.Array, pa.ChunkedArray)):
        found: list[Any] = column.to_pylist()
        return found
    return [cell.tolist() if isinstance(cell, np.ndarray) else cell for cell in column]


def _is_cell(feature: Any) -> bool:
    return is_number(feature) or is_category(feature)


def _is_read(table: Any, name: str) -> bool:
    """Whether a column that could be a category is text to be read; that of a stream is."""
    if is_number(table.info.features[name]) or isinstance(table.info.features[name], ClassLabel):
        return False
    return not isinstance(table, Dataset) or not is_few(table, name)


def _kind_of(feature: Any) -> Kind | None:
    """Return the kind that a single column is of."""
    return next((kind for kind in kinds() if kind.takes(feature)), None)
