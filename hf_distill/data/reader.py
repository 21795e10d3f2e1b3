"""Reader: from an open dataset to class-indexed samples and the specification that describes them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset, Features, Image, IterableDataset, List, Value
from torch import Tensor

from hf_distill.data.broken import refuse_broken
from hf_distill.data.columns import Columns, as_vector, find_columns, is_vector, say_joined, without_counters
from hf_distill.data.decoding import Decoder, decoder_for, part_rows, undecoded
from hf_distill.data.images import ImageDecoder, OtherKind
from hf_distill.data.labels import check_label, class_indices, label_table
from hf_distill.data.local import reading
from hf_distill.data.preparing import first_row, prepared
from hf_distill.data.spec import DataSpec
from hf_distill.data.splits import ArrowSplit, MemorySplit, Split, decode_all, ranged
from hf_distill.data.statistics import statistics
from hf_distill.data.stream import ClassStream
from hf_distill.data.stream_survey import survey
from hf_distill.data.vectors import VectorTransform
from hf_distill.errors import UserError

_STATISTICS_ROWS = 10_000


@dataclass(frozen=True, kw_only=True)
class Reader:
    """Infer columns, classes, shape and statistics of a training split, and place the samples.

    The attributes are those of :class:`~hf_distill.data.RealData`; samples go to ``device``, and relative paths of
    images start from ``base``.
    """

    path: str
    split: str
    input_column: str | list[str] | None
    label_column: str | None
    image_size: int | None
    image_mode: str | None
    transform: VectorTransform | None
    storage: str
    memory_gib: float
    workers: int
    buffer: int
    device: torch.device
    base: Path | None = None
    _rows: dict[int, tuple[Any, dict[str, Any] | None]] = field(default_factory=dict)

    def table(self, train: Dataset, source: dict[str, Any]) -> tuple[DataSpec, Decoder, Split]:
        """Read a training split with random access.

        Raises:
            UserError: The split is empty, or a column, class or row is unusable.
        """
        columns, decoder = self._choose(train)
        table = undecoded(train, columns.inputs)
        values = table[columns.label][:]
        feature = train.features[columns.label]
        classes, label_values = label_table(feature, values, columns.label, self.label_column is not None)
        labels = class_indices(feature, values, classes, label_values, columns.label)
        decoder, split = self._place(table, decoder, labels)
        if isinstance(split, MemorySplit):
            parts: Iterable[Tensor] = split.values.split(part_rows(decoder))
        else:
            rows = torch.randperm(len(split), generator=torch.Generator().manual_seed(0))[:_STATISTICS_ROWS]
            parts = (split.raw(part) for part in rows.sort().values.split(part_rows(decoder)))
        spec = self._spec(
            train.features,
            columns,
            decoder,
            (classes, label_values),
            statistics(parts),
            source=source,
            num_rows=len(train),
            class_counts=tuple(torch.bincount(labels, minlength=len(classes)).tolist()),
        )
        split.spec = spec
        return spec, decoder, split

    def _first(self, split: Any) -> dict[str, Any] | None:
        """Return the first row of a split; that of a stream is read once."""
        if id(split) not in self._rows:
            self._rows[id(split)] = split, first_row(split, self.path)
        return self._rows[id(split)][1]

    def prepared(self, split: Any) -> Any:
        """Return a split of which the features are known, those of images among them."""
        with reading(self.path):
            # Some streams know their features only from their first row.
            split = split if split.features else split._resolve_features()
        named = [
            self.label_column,
            *([self.input_column] if isinstance(self.input_column, str) else self.input_column or ()),
        ]
        return prepared(split, self._first(split), self.base, named)

    def columns(self, train: Dataset | IterableDataset) -> Columns:
        """Return the input and the label column of a training split.

        Raises:
            UserError: It is empty, or a column is unusable.
        """
        first = self._first(train)
        if first is None:
            raise UserError(f"split {self.split!r} of {self.path} is empty")
        assert train.features is not None
        try:
            columns = find_columns(train.features, self.input_column, self.label_column, first)
        except UserError as error:
            if isinstance(train, Dataset) and len(train) == 1:
                raise UserError(f"{self.path} has a single row, a table needs one for every sample: {error}") from error
            raise
        check_label(train.features[columns.label], columns.label)
        return columns

    def _choose(self, train: Dataset | IterableDataset) -> tuple[Columns, Decoder]:
        columns, first = self.columns(train), self._first(train)
        assert train.features is not None and first is not None
        if columns.joined:
            if self.input_column is None and isinstance(train, Dataset):
                columns = without_counters(columns, train)
                for name in set(train.features) - set(columns.all):
                    refuse_broken(train, name, "input_column")
            say_joined(columns, train.features)
        return columns, decoder_for(
            columns,
            first,
            image_size=self.image_size,
            image_mode=self.image_mode,
            transform=self.transform,
            base=self.base,
        )

    def stream(self, train: IterableDataset, source: dict[str, Any]) -> tuple[DataSpec, Decoder, ClassStream]:
        """Read a training split that can only be read forward; it is read once for its classes and statistics.

        Raises:
            UserError: As :meth:`table`.
        """
        columns, decoder = self._choose(train)
        assert train.features is not None
        stream = undecoded(train, columns.inputs).select_columns(columns.all)
        splits = train.info.splits or {}
        rows = splits[self.split].num_examples if self.split in splits else None
        seen = survey(stream, columns.label, decoder, self.path, rows or None, _STATISTICS_ROWS)
        feature = train.features[columns.label]
        classes, label_values = label_table(feature, seen.labels, columns.label, self.label_column is not None)
        labels = class_indices(feature, seen.labels, classes, label_values, columns.label)
        counts = torch.bincount(labels, minlength=len(classes)).tolist()
        spec = self._spec(
            train.features,
            columns,
            seen.decoder,
            (classes, label_values),
            seen.moments,
            source={**source, "fingerprint": _fingerprint(seen.labels, seen.moments)},
            num_rows=len(labels),
            class_counts=tuple(counts),
        )
        index = {value: place for place, value in enumerate(label_values or range(len(classes)))}
        return (
            spec,
            seen.decoder,
            ClassStream(stream, self.path, columns.label, seen.decoder, index, counts, self.buffer),
        )

    def test(self, test: Dataset | IterableDataset, spec: DataSpec, decoder: Decoder) -> Split:
        """Read the split to measure on, by the decoder of the training split, which refuses other shapes.

        Raises:
            UserError: A column is missing, or a row or class is unusable.
        """
        try:
            split = self._read_test(test, spec, decoder)
        except UserError as error:
            raise UserError(f"the test split: {error}") from error
        split.spec = spec
        return split

    def _read_test(self, test: Dataset | IterableDataset, spec: DataSpec, decoder: Decoder) -> Split:
        label = spec.label_column
        test = self.prepared(test)
        features = test.features
        assert features is not None
        for column in (*decoder.columns, label):
            if column not in features:
                raise UserError(f"there is no column {column!r}; it has {', '.join(features)}")
        if isinstance(test, Dataset) and not len(test):
            raise UserError("it is empty: name another one with --data.test_split")
        if len(decoder.columns) == 1:
            _check_same_kind(features[decoder.columns[0]], decoder)
        check_label(features[label], label)
        table = undecoded(test, decoder.columns)
        known = (spec.classes, spec.label_values, label)
        if isinstance(table, IterableDataset):
            values: list[Any] = []
            parts = list(self._decoded(table.select_columns([*decoder.columns, label]), label, decoder, values))
            if not values:
                raise UserError("it is empty: name another one with --data.test_split")
            return MemorySplit(torch.cat(parts), class_indices(features[label], values, *known), self.device)
        labels = class_indices(features[label], table[label][:], *known)
        return self._place(table, decoder, labels, fixed=True)[1]

    def _decoded(self, stream: IterableDataset, label: str, decoder: Decoder, labels: list[Any]) -> Iterator[Tensor]:
        """Yield a stream's samples part by part, and put their labels into a list."""
        batches = stream.iter(batch_size=part_rows(decoder))
        while True:
            with reading(self.path):
                rows = next(batches, None)
            if rows is None:
                return
            yield decoder(rows, range(len(labels), len(labels) + len(rows[label])))
            labels += rows[label]

    def _place(self, table: Dataset, decoder: Decoder, labels: Tensor, fixed: bool = False) -> tuple[Decoder, Split]:
        """Return the split, and the decoder of the kind or the precision that its rows need unless that is fixed."""
        if not fixed and not isinstance(decoder, ImageDecoder):
            decoder = decoder.surveyed(table)
        values = len(table) * int(torch.Size(decoder.shape).numel())
        fits = values * decoder.dtype.itemsize <= self.memory_gib * 2**30
        if self.storage == "memory" or (self.storage == "auto" and fits):
            try:
                decoder = decoder if fixed else ranged(table, decoder)
                return decoder, MemorySplit(decode_all(table, decoder), labels, self.device)
            except OtherKind:
                if fixed or not isinstance(decoder, ImageDecoder):
                    raise
                return self._place(table, replace(decoder, kind="RGB"), labels)
        if isinstance(decoder, ImageDecoder) and not fixed:
            decoder = ranged(table, decoder.survey(table), _STATISTICS_ROWS)
        return decoder, ArrowSplit(table, decoder, labels, self.device, self.workers)

    def _spec(
        self,
        features: Features,
        columns: Columns,
        decoder: Decoder,
        labels: tuple[tuple[str, ...], tuple[Any, ...] | None],
        moments: tuple[list[float], list[float]],
        **known: Any,
    ) -> DataSpec:
        mean, std = moments
        return DataSpec(
            task="image-classification" if isinstance(decoder, ImageDecoder) else "tabular-classification",
            input_column=columns.input,
            label_column=columns.label,
            shape=decoder.shape,
            classes=labels[0],
            mean=tuple(mean),
            std=tuple(std),
            features=self._published(features, columns, decoder).to_dict(),
            label_values=labels[1],
            transform=self.transform.config() if self.transform is not None else None,
            scale=decoder.scale if isinstance(decoder, ImageDecoder) else None,
            columns=columns.inputs if columns.joined else (),
            **known,
        )

    def _published(self, features: Features, columns: Columns, decoder: Decoder) -> Features:
        """Return the features of the published columns, in the source's order."""
        feature = columns.feature
        if self.transform is not None:
            feature = List(Value("float32"), length=decoder.shape[0])
        elif columns.joined:
            feature = List(feature, length=decoder.shape[0])
        elif isinstance(decoder, ImageDecoder):
            feature = Image() if decoder.scale is not None else feature
        else:
            feature = as_vector(feature, decoder.shape[0])
        kept = {columns.input: feature, columns.label: features[columns.label]}
        order = {name: place for place, name in enumerate(features)}
        place = {columns.input: order[columns.inputs[0]], columns.label: order[columns.label]}
        return Features({name: kept[name] for name in sorted(kept, key=lambda name: place[name])})


def _fingerprint(*content: Any) -> str:
    """Return what tells the rows of a stream from others: it has no file or table of its own."""
    return hashlib.sha256(repr(content).encode()).hexdigest()[:16]


def _check_same_kind(feature: Any, decoder: Decoder) -> None:
    image = isinstance(decoder, ImageDecoder)
    if not (isinstance(feature, Image) if image else is_vector(feature)):
        kind = "an Image" if image else "a List of numbers"
        raise UserError(f"column {decoder.columns[0]!r} is {feature}, in the training split {kind}")
