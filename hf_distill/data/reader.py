"""Reader: from an open dataset to class-indexed samples and the specification that describes them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset, Features, IterableDataset
from torch import Tensor

from hf_distill.data.columns import Columns, find_columns
from hf_distill.data.kinds.base import undecoded
from hf_distill.data.kinds.decoder import Decoder, OtherDecoder
from hf_distill.data.kinds.table import kinds
from hf_distill.data.local import reading
from hf_distill.data.preparing import first_row, prepared
from hf_distill.data.spec import DataSpec
from hf_distill.data.splits import ArrowSplit, MemorySplit, Split, decode_all, scanned
from hf_distill.data.statistics import summed
from hf_distill.data.stream import SampleStream, Targets
from hf_distill.data.stream_survey import survey
from hf_distill.data.targets.base import Learned, Target
from hf_distill.errors import UserError

_STATISTICS_ROWS = 10_000


@dataclass(frozen=True, kw_only=True)
class Reader:
    """Infer columns, classes, shape and statistics of a training split, and place the samples.

    The attributes are those of :class:`~hf_distill.data.RealData`; samples go to ``device``, and relative paths of
    images start from ``base``. ``options`` are those of single kinds, by their names.
    """

    path: str
    split: str
    input_column: str | list[str] | None
    label_column: str | list[str] | None
    options: dict[str, Any]
    target: str = "auto"
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
        table = undecoded(train, [columns.kind], columns.inputs)
        learned, targets = self._learn(train.features, columns, {name: table[name][:] for name in columns.labels})
        decoder, split = self._place(table, decoder, targets, columns.goal)
        kept = columns.inputs if columns.kind.keeps_source else ()
        split.keep(table, (*kept, *(columns.labels if columns.goal.keeps_source else ())))
        if isinstance(split, MemorySplit):
            parts: Iterable[Tensor] = split.values.split(decoder.part_rows)
        else:
            rows = torch.randperm(len(split), generator=torch.Generator().manual_seed(0))[:_STATISTICS_ROWS]
            parts = (split.raw(part) for part in rows.sort().values.split(decoder.part_rows))
        spec = self._spec(
            train.features,
            columns,
            decoder,
            learned,
            summed(columns.kind.statistics(decoder), parts),
            source=source,
            num_rows=len(train),
        )
        spec = replace(spec, class_counts=tuple(torch.bincount(split.labels, minlength=spec.num_groups).tolist()))
        split.spec = spec
        return spec, decoder, split

    def _learn(self, features: Features, columns: Columns, values: Any) -> tuple[Learned, Tensor]:
        """Return what the labels of the training split tell, and the target of every row."""
        own = {name: features[name] for name in columns.labels}
        learned = columns.goal.learn(own, values, self.label_column is not None)
        return learned, columns.goal.read(own, values, learned)

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
        given = [[name] if isinstance(name, str) else name or [] for name in (self.label_column, self.input_column)]
        named = [name for names in given for name in names]
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
            columns = find_columns(train.features, self.input_column, self.label_column, first, self.target)
        except UserError as error:
            if isinstance(train, Dataset) and len(train) == 1:
                raise UserError(f"{self.path} has a single row, a table needs one for every sample: {error}") from error
            raise
        columns.goal.check({name: train.features[name] for name in columns.labels})
        asked = (kind for kind in kinds() if any(self.options[name] is not None for name in kind.options))
        kind = next((kind for kind in asked if kind.instead_of == columns.kind.name), columns.kind)
        return replace(columns, kind=kind)

    def _choose(self, train: Dataset | IterableDataset) -> tuple[Columns, Decoder]:
        columns, first = self.columns(train), self._first(train)
        assert train.features is not None and first is not None
        columns = columns.kind.settled(columns, train, self.input_column is not None)
        kind = columns.kind
        for other in kinds():
            wrong = next((name for name in other.options if self.options[name] is not None), None)
            if wrong is not None and wrong not in columns.options:
                raise UserError(
                    f"data.{wrong} is for {other.plural}, and column {columns.inputs[0]!r} holds {kind.plural}: leave "
                    "it out"
                )
        return columns, kind.decoder(columns, first, {name: self.options[name] for name in columns.options}, self.base)

    def stream(self, train: IterableDataset, source: dict[str, Any]) -> tuple[DataSpec, Decoder, SampleStream]:
        """Read a training split that can only be read forward; it is read once for its classes and statistics.

        Raises:
            UserError: As :meth:`table`.
        """
        columns, decoder = self._choose(train)
        assert train.features is not None
        stream = undecoded(train, [columns.kind], columns.inputs).select_columns(columns.all)
        splits = train.info.splits or {}
        rows = splits[self.split].num_examples if self.split in splits else None
        seen = survey(stream, columns.labels, columns.kind, decoder, self.path, rows or None, _STATISTICS_ROWS)
        learned, targets = self._learn(train.features, columns, seen.labels)
        groups = columns.goal.group_of(targets)
        spec = self._spec(
            train.features,
            columns,
            seen.decoder,
            learned,
            seen.moments,
            source={**source, "fingerprint": _fingerprint(*seen.labels.values(), seen.moments)},
            num_rows=len(targets),
        )
        spec = replace(spec, class_counts=tuple(torch.bincount(groups, minlength=spec.num_groups).tolist()))
        own = {name: train.features[name] for name in columns.labels}
        read = Targets(columns.labels, lambda values: columns.goal.read(own, values, learned), columns.goal.group_of)
        counts = list(spec.class_counts)
        return spec, seen.decoder, SampleStream(stream, self.path, read, seen.decoder, counts, self.buffer)

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
        labels = spec.label_columns
        test = self.prepared(test)
        features = test.features
        assert features is not None
        for column in (*decoder.columns, *labels):
            if column not in features:
                raise UserError(f"there is no column {column!r}; it has {', '.join(features)}")
        if isinstance(test, Dataset) and not len(test):
            raise UserError("it is empty: name another one with --data.test_split")
        wrong = next((name for name in decoder.columns if not spec.form.reads(features[name], spec)), None)
        if wrong is not None:
            raise UserError(f"column {wrong!r} is {features[wrong]}, in the training split {spec.form.noun}")
        own = {name: features[name] for name in labels}
        spec.goal.check(own)
        table = undecoded(test, [spec.form], decoder.columns)
        learned = Learned(spec.classes, spec.label_values, spec.target_about)
        if isinstance(table, IterableDataset):
            values: dict[str, list[Any]] = {name: [] for name in labels}
            parts = list(self._decoded(table.select_columns([*decoder.columns, *labels]), decoder, values))
            if not parts:
                raise UserError("it is empty: name another one with --data.test_split")
            targets = spec.goal.read(own, values, learned)
            return MemorySplit(torch.cat(parts), spec.goal.group_of(targets), self.device, targets)
        targets = spec.goal.read(own, {name: table[name][:] for name in labels}, learned)
        return self._place(table, decoder, targets, spec.goal, fixed=True)[1]

    def _decoded(self, stream: IterableDataset, decoder: Decoder, labels: dict[str, list[Any]]) -> Iterator[Tensor]:
        """Yield a stream's samples part by part, and add their labels to lists."""
        batches, start = stream.iter(batch_size=decoder.part_rows), 0
        while True:
            with reading(self.path):
                rows = next(batches, None)
            if rows is None:
                return
            stop = start + len(next(iter(rows.values())))
            yield decoder(rows, range(start, stop))
            start = stop
            for name, values in labels.items():
                values += rows[name]

    def _place(
        self, table: Dataset, decoder: Decoder, targets: Tensor, goal: Target, fixed: bool = False
    ) -> tuple[Decoder, Split]:
        """Return the split, and the decoder that its rows need unless that is fixed."""
        if not fixed:
            decoder = decoder.surveyed(table)
        groups = goal.group_of(targets)
        values = len(table) * int(torch.Size(decoder.shape).numel())
        fits = values * decoder.dtype.itemsize <= self.memory_gib * 2**30
        if self.storage == "memory" or (self.storage == "auto" and fits):
            try:
                decoder = decoder if fixed else scanned(table, decoder)
                return decoder, MemorySplit(decode_all(table, decoder), groups, self.device, targets)
            except OtherDecoder as other:
                if fixed:
                    raise
                return self._place(table, other.decoder, targets, goal)
        if not fixed:
            decoder = scanned(table, decoder.checked(table), _STATISTICS_ROWS)
        return decoder, ArrowSplit(table, decoder, groups, self.device, self.workers, targets)

    def _spec(
        self,
        features: Features,
        columns: Columns,
        decoder: Decoder,
        learned: Learned,
        moments: tuple[list[float], list[float]],
        **known: Any,
    ) -> DataSpec:
        mean, std = moments
        return DataSpec(
            task=f"{columns.kind.topic}-{columns.goal.suffix}",
            kind=columns.kind.name,
            target=columns.goal.name,
            input_column=columns.input,
            label_column=columns.label,
            shape=decoder.shape,
            classes=learned.classes,
            mean=tuple(mean),
            std=tuple(std),
            features=self._published(features, columns, decoder).to_dict(),
            label_values=learned.label_values,
            target_about=learned.about,
            **columns.kind.known(columns, decoder),
            **known,
        )

    def _published(self, features: Features, columns: Columns, decoder: Decoder) -> Features:
        """Return the features of the published columns, in the source's order."""
        inputs = columns.kind.published(columns, features, decoder)
        kept = {**inputs, **{name: features[name] for name in columns.labels}}
        order = {name: place for place, name in enumerate(features)}
        place = {name: order[name if name in columns.all else columns.inputs[0]] for name in kept}
        return Features({name: kept[name] for name in sorted(kept, key=lambda name: place[name])})


def _fingerprint(*content: Any) -> str:
    """Return what tells the rows of a stream from others: it has no file or table of its own."""
    return hashlib.sha256(repr(content).encode()).hexdigest()[:16]
