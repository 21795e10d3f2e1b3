"""Splits with random access: in memory where they fit, else decoded on demand from the memory-mapped table."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from datasets import Dataset
from torch import Tensor

from hf_distill.data.batch import Batch
from hf_distill.data.kinds.decoder import Decoder, chunk_rows
from hf_distill.data.narrow import narrowed
from hf_distill.data.spec import DataSpec


class Split(ABC):
    """Class-indexed samples.

    Attributes:
        labels: Groups ``(N,)`` on the CPU that rows are sampled and selected by: the classes, where there are any.
        targets: What is learned, ``(N,)`` or ``(N, outputs)`` on the CPU: the same, where there are classes.
        spec: What normalises; set by ``RealData`` once the statistics are known.
    """

    spec: DataSpec

    def __init__(self, labels: Tensor, device: torch.device | str, targets: Tensor | None = None) -> None:
        self.labels = labels
        self.targets = labels if targets is None else targets
        self.device = torch.device(device)
        self._kept: Dataset | None = None
        order = torch.argsort(labels, stable=True)
        counts = torch.bincount(labels, minlength=int(labels.max()) + 1 if len(labels) else 0)
        self._by_class = order.split(counts.tolist())

    def __len__(self) -> int:
        return len(self.labels)

    def place(self, device: torch.device) -> None:
        """Give batches on another device from now on."""
        self.device = device

    def class_index(self, label: int) -> Tensor:
        """Return the row numbers of a class, in the source's order."""
        return self._by_class[label] if label < len(self._by_class) else torch.empty(0, dtype=torch.long)

    @abstractmethod
    def raw(self, index: Tensor) -> Tensor:
        """Return values in the source's units ``(B, *shape)``, on the device: images, vectors.

        Images are uint8, float32 (0 to 255) where the source has more than 8 bits; vectors are float32, float64 where
        that would lose what they differ by.
        """

    def batch(self, index: Tensor) -> Batch:
        """Return normalised inputs and targets, on the device."""
        shape = self.spec.shape
        # Piece by piece: what is computed on the way takes several times the memory of the result.
        x = torch.empty((len(index), *shape), device=self.device)
        for start, part in chunks(index, shape):
            x[start : start + len(part)] = self.spec.normalize(self.raw(part))
        return Batch.of(x, self.targets[index].to(self.device))

    def keep(self, table: Dataset, columns: Sequence[str]) -> None:
        """Keep columns of the source, of which inputs or targets do not tell all."""
        self._kept = narrowed(table, columns).with_format("arrow") if columns else None

    def source(self, index: Tensor) -> np.ndarray | None:
        """Return what is published of rows, the source's own values, or None where these are not kept."""
        if self._kept is None or not self.spec.form.keeps_source:
            return None
        return self.spec.form.chosen(self.spec, self._kept[index.tolist()])

    def samples(self, index: Tensor) -> Batch:
        """Return :meth:`batch` with the source's own values where they are kept."""
        batch = self.batch(index)
        batch.source = self.source(index)
        if self._kept is not None and self.spec.goal.keeps_source:
            batch.given = self._kept[index.tolist()].select(list(self.spec.label_columns))
        return batch


class MemorySplit(Split):
    """All samples as one tensor on the device: images of 8 bits as uint8, a quarter of their float size."""

    def __init__(
        self, values: Tensor, labels: Tensor, device: torch.device | str = "cpu", targets: Tensor | None = None
    ) -> None:
        super().__init__(labels, device, targets)
        self.values = values.to(device)

    def place(self, device: torch.device) -> None:
        """See :class:`Split`."""
        super().place(device)
        self.values = self.values.to(device)

    def raw(self, index: Tensor) -> Tensor:
        """See :class:`Split`."""
        return self.values[index.to(self.device)]


class SomeRows(Split):
    """Some rows of another split.

    Args:
        split: The split.
        rows: Numbers of its rows.
    """

    def __init__(self, split: Split, rows: Tensor) -> None:
        super().__init__(split.labels[rows], split.device, split.targets[rows])
        self.spec = split.spec
        self._split, self._rows = split, rows

    def place(self, device: torch.device) -> None:
        """See :class:`Split`."""
        super().place(device)
        self._split.place(device)

    def raw(self, index: Tensor) -> Tensor:
        """See :class:`Split`."""
        return self._split.raw(self._rows[index.cpu()])


class ArrowSplit(Split):
    """Random access into the memory-mapped Arrow table; rows are decoded when they are asked for.

    Args:
        dataset: The table, with undecoded images.
        decoder: Turns rows into tensors.
        labels: Class indices ``(N,)``.
        device: Where batches go.
        workers: Threads that decode; Pillow releases the interpreter lock while it does.
        targets: What is learned, where that is not the class.
    """

    def __init__(
        self,
        dataset: Dataset,
        decoder: Decoder,
        labels: Tensor,
        device: torch.device | str = "cpu",
        workers: int = 2,
        targets: Tensor | None = None,
    ) -> None:
        super().__init__(labels, device, targets)
        self._dataset = narrowed(dataset, decoder.columns).with_format("arrow")
        self._decoder = decoder
        self._pool = ThreadPoolExecutor(workers) if workers > 1 else None
        self._workers = workers

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_pool": None}  # threads stay in their process

    def raw(self, index: Tensor) -> Tensor:
        """See :class:`Split`."""
        # Reading rows in table order touches every page once; the caller's order is restored below.
        ordered, inverse = torch.unique(index.cpu(), return_inverse=True)
        rows = ordered.tolist()
        size = max(1, -(-len(rows) // max(self._workers, 1)))
        parts = [rows[start : start + size] for start in range(0, len(rows), size)]
        decoded = list(self._pool.map(self._decode, parts)) if self._pool else [self._decode(part) for part in parts]
        return torch.cat(decoded)[inverse].to(self.device, non_blocking=True)

    def _decode(self, rows: list[int]) -> Tensor:
        return self._decoder(self._dataset[rows], rows)


def chunks(index: Tensor, shape: tuple[int, ...]) -> Iterator[tuple[int, Tensor]]:
    """Yield the pieces of ``index`` that are handled at once for samples of some shape, and where each begins."""
    start = 0
    for part in index.split(chunk_rows(shape)):
        yield start, part
        start += len(part)


def pieces(dataset: Dataset, decoder: Decoder) -> Iterator[tuple[range, pa.Table]]:
    """Yield a table piece by piece: the rows' numbers, and their columns that the decoder reads."""
    start = 0
    for rows in narrowed(dataset, decoder.columns).with_format("arrow").iter(chunk_rows(decoder.shape)):
        yield range(start, start + len(rows)), rows
        start += len(rows)


def decode_all(dataset: Dataset, decoder: Decoder) -> Tensor:
    """Decode a whole table into one tensor ``(N, *shape)``."""
    out = torch.empty((len(dataset), *decoder.shape), dtype=decoder.dtype)
    for places, rows in pieces(dataset, decoder):
        out[places.start : places.stop] = decoder(rows, places)
    return out


def scanned(table: Dataset, decoder: Decoder, rows: int | None = None) -> Decoder:
    """Show a decoder that asks for it the rows of a table, or so many rows at random."""
    if not decoder.scans:
        return decoder
    if rows is not None and rows < len(table):
        chosen = torch.randperm(len(table), generator=torch.Generator().manual_seed(0))[:rows].sort().values
        table = table.select(chosen.tolist())
    return decoder.scanned((part, places) for places, part in pieces(table, decoder))
