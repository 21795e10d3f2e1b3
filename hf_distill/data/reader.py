"""Reader: from an open dataset to class-indexed samples and the specification that describes them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from datasets import Dataset, Features, IterableDataset, List, Value
from torch import Tensor

from hf_distill.data.columns import class_indices, find_columns, label_table
from hf_distill.data.decoding import ImageDecoder, VectorDecoder, decoder_for, undecoded
from hf_distill.data.spec import DataSpec
from hf_distill.data.splits import ArrowSplit, MemorySplit, Split, decode_all
from hf_distill.data.statistics import statistics
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
        decoder = decoder_for(train.features[column], column, table[0][column], self.image_size, self.transform)
        values = table[label_column][:]
        classes, label_values = label_table(train.features[label_column], values, label_column)
        labels = class_indices(values, label_values, len(classes), label_column)
        split = self._place(table, column, decoder, labels)
        rows = torch.randperm(len(split), generator=torch.Generator().manual_seed(0))[:_STATISTICS_ROWS]
        spec = self._spec(
            train.features,
            (column, label_column),
            decoder,
            (classes, label_values),
            split.values if isinstance(split, MemorySplit) else split.raw(rows.sort().values),
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
        # Some streams know their features only from their first row.
        features = train.features or train._resolve_features().features
        column, label_column = find_columns(features, self.input_column, self.label_column)
        stream = undecoded(train, column)
        head = list(stream.take(_STATISTICS_ROWS))
        if not head:
            raise UserError(f"split {self.split!r} of {self.path} is empty")
        decoder = decoder_for(features[column], column, head[0][column], self.image_size, self.transform)
        classes, label_values = label_table(features[label_column], [row[label_column] for row in head], label_column)
        splits = train.info.splits or {}
        spec = self._spec(
            features,
            (column, label_column),
            decoder,
            (classes, label_values),
            decoder([row[column] for row in head], range(len(head))),
            source=source,
            num_rows=splits[self.split].num_examples if self.split in splits else 0,
            class_counts=(),
        )
        index = {value: place for place, value in enumerate(label_values or range(len(classes)))}
        return spec, decoder, ClassStream(stream, (column, label_column), decoder, index, self.buffer)

    def test(self, test: Dataset | IterableDataset, spec: DataSpec, decoder: Decoder) -> Split:
        """Read the split to measure on, by the decoder of the training split, which refuses other shapes.

        Raises:
            UserError: A column is missing, or a row or class is unusable.
        """
        if isinstance(test, IterableDataset):
            test = Dataset.from_list(list(test), features=test.features)
        for column in (spec.input_column, spec.label_column):
            if column not in test.features:
                raise UserError(f"the test split has no column {column!r}; it has {', '.join(test.features)}")
        table = undecoded(test, spec.input_column)
        labels = class_indices(table[spec.label_column][:], spec.label_values, spec.num_classes, spec.label_column)
        split = self._place(table, spec.input_column, decoder, labels)
        split.spec = spec
        return split

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
        values: Tensor,
        **known: Any,
    ) -> DataSpec:
        kept = Features({name: feature for name, feature in features.items() if name in columns})
        if self.transform is not None:
            kept[columns[0]] = List(Value("float32"), length=decoder.shape[0])
        mean, std = statistics(values)
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
