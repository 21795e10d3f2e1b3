"""Reader: from an open dataset to class-indexed samples and the specification that describes them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from datasets import Dataset, Features, Image, IterableDataset, List, Value
from torch import Tensor

from hf_distill.data.columns import check_label, class_indices, find_columns, is_vector, label_table
from hf_distill.data.decoding import ImageDecoder, VectorDecoder, decoder_for, undecoded
from hf_distill.data.local import reading
from hf_distill.data.spec import DataSpec
from hf_distill.data.splits import ArrowSplit, MemorySplit, Split, chunk_rows, decode_all
from hf_distill.data.statistics import VECTOR_ROWS, statistics
from hf_distill.data.stream import ClassStream
from hf_distill.data.vectors import VectorTransform
from hf_distill.errors import UserError

_STATISTICS_ROWS = 10_000

Decoder = ImageDecoder | VectorDecoder


@dataclass(frozen=True, kw_only=True)
class Reader:
    """Infer columns, classes, shape and statistics of a training split, and place the samples.

    The attributes are those of :class:`~hf_distill.data.RealData`; samples go to ``device``.
    """

    path: str
    split: str
    input_column: str | None
    label_column: str | None
    image_size: int | None
    transform: VectorTransform | None
    storage: str
    memory_gib: float
    workers: int
    buffer: int
    device: torch.device

    def table(self, train: Dataset, source: dict[str, Any]) -> tuple[DataSpec, Decoder, Split]:
        """Read a training split with random access.

        Raises:
            UserError: The split is empty, or a column, class or row is unusable.
        """
        if len(train) == 0:
            raise UserError(f"split {self.split!r} of {self.path} is empty")
        column, label_column = find_columns(train.features, self.input_column, self.label_column)
        table = undecoded(train, column)
        first = table.select_columns([column])[0][column]
        decoder = decoder_for(train.features[column], column, first, self.image_size, self.transform)
        values = table[label_column][:]
        classes, label_values = label_table(train.features[label_column], values, label_column)
        labels = class_indices(values, label_values, len(classes), label_column)
        split = self._place(table, column, decoder, labels)
        if isinstance(split, MemorySplit):
            parts: Iterable[Tensor] = split.values.split(_part_rows(decoder))
        else:
            rows = torch.randperm(len(split), generator=torch.Generator().manual_seed(0))[:_STATISTICS_ROWS]
            parts = (split.raw(part) for part in rows.sort().values.split(_part_rows(decoder)))
        spec = self._spec(
            train.features,
            (column, label_column),
            decoder,
            (classes, label_values),
            statistics(parts),
            source={**source, "fingerprint": train._fingerprint},
            num_rows=len(train),
            class_counts=tuple(torch.bincount(labels, minlength=len(classes)).tolist()),
        )
        split.spec = spec
        return spec, decoder, split

    def stream(self, train: IterableDataset, source: dict[str, Any]) -> tuple[DataSpec, Decoder, ClassStream]:
        """Read a training split that can only be read forward; classes and statistics are those of its first rows.

        Raises:
            UserError: As :meth:`table`.
        """
        with reading(self.path):
            # Some streams know their features only from their first row.
            features = train.features or train._resolve_features().features
        column, label_column = find_columns(features, self.input_column, self.label_column)
        check_label(features[label_column], label_column)
        stream = undecoded(train, column).select_columns([column, label_column])
        with reading(self.path):
            first = next(iter(stream), None)
        if first is None:
            raise UserError(f"split {self.split!r} of {self.path} is empty")
        decoder = decoder_for(features[column], column, first[column], self.image_size, self.transform)
        values: list[Any] = []
        head = stream.take(_STATISTICS_ROWS)
        mean, std = statistics(self._decoded(head, (column, label_column), decoder, values))
        classes, label_values = label_table(features[label_column], values, label_column)
        splits = train.info.splits or {}
        spec = self._spec(
            features,
            (column, label_column),
            decoder,
            (classes, label_values),
            (mean, std),
            source=source,
            num_rows=splits[self.split].num_examples if self.split in splits else 0,
            class_counts=(),
        )
        index = {value: place for place, value in enumerate(label_values or range(len(classes)))}
        return spec, decoder, ClassStream(stream, self.path, (column, label_column), decoder, index, self.buffer)

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
        columns = (spec.input_column, spec.label_column)
        with reading(self.path):
            features = test.features or test._resolve_features().features
        for column in columns:
            if column not in features:
                raise UserError(f"there is no column {column!r}; it has {', '.join(features)}")
        if isinstance(test, Dataset) and not len(test):
            raise UserError("it is empty: name another one with --data.test_split")
        _check_same_kind(features[columns[0]], spec)
        check_label(features[columns[1]], columns[1])
        table = undecoded(test, columns[0])
        if isinstance(table, IterableDataset):
            values: list[Any] = []
            parts = list(self._decoded(table.select_columns(list(columns)), columns, decoder, values))
            if not values:
                raise UserError("it is empty: name another one with --data.test_split")
            labels = class_indices(values, spec.label_values, spec.num_classes, columns[1])
            return MemorySplit(torch.cat(parts), labels, self.device)
        labels = class_indices(table[columns[1]][:], spec.label_values, spec.num_classes, columns[1])
        return self._place(table, columns[0], decoder, labels)

    def _decoded(
        self, stream: IterableDataset, columns: tuple[str, str], decoder: Decoder, labels: list[Any]
    ) -> Iterator[Tensor]:
        """Yield a stream's samples part by part, and put their labels into a list."""
        batches = stream.iter(batch_size=_part_rows(decoder))
        while True:
            with reading(self.path):
                rows = next(batches, None)
            if rows is None:
                return
            yield decoder(rows[columns[0]], range(len(labels), len(labels) + len(rows[columns[1]])))
            labels += rows[columns[1]]

    def _place(self, table: Dataset, column: str, decoder: Decoder, labels: Tensor) -> Split:
        values = len(table) * int(torch.Size(decoder.shape).numel())
        image = isinstance(decoder, ImageDecoder)
        fits = values * (1 if image else 4) <= self.memory_gib * 2**30
        if self.storage == "memory" or (self.storage == "auto" and fits):
            dtype = torch.uint8 if image else torch.float32
            return MemorySplit(decode_all(table, column, decoder, decoder.shape, dtype), labels, self.device)
        return ArrowSplit(table, column, decoder, labels, self.device, self.workers)

    def _spec(
        self,
        features: Features,
        columns: tuple[str, str],
        decoder: Decoder,
        labels: tuple[tuple[str, ...], tuple[Any, ...] | None],
        moments: tuple[list[float], list[float]],
        **known: Any,
    ) -> DataSpec:
        kept = Features({name: feature for name, feature in features.items() if name in columns})
        if self.transform is not None:
            kept[columns[0]] = List(Value("float32"), length=decoder.shape[0])
        mean, std = moments
        return DataSpec(
            task="image-classification" if isinstance(decoder, ImageDecoder) else "tabular-classification",
            input_column=columns[0],
            label_column=columns[1],
            shape=decoder.shape,
            classes=labels[0],
            mean=tuple(mean),
            std=tuple(std),
            features=kept.to_dict(),
            label_values=labels[1],
            transform=self.transform.config() if self.transform is not None else None,
            **known,
        )


def _part_rows(decoder: Decoder) -> int:
    return chunk_rows(decoder.shape) if isinstance(decoder, ImageDecoder) else VECTOR_ROWS


def _check_same_kind(feature: Any, spec: DataSpec) -> None:
    if not (isinstance(feature, Image) if spec.is_image else is_vector(feature)):
        kind = "an Image" if spec.is_image else "a List of numbers"
        raise UserError(f"column {spec.input_column!r} is {feature}, in the training split {kind}")
