"""One pass over a stream before it is used: its classes, and the statistics of its inputs."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from datasets import IterableDataset
from torch import Tensor

from hf_distill.data.kinds.base import Kind
from hf_distill.data.kinds.decoder import Decoder, OtherDecoder
from hf_distill.data.local import reading
from hf_distill.data.statistics import summed

logger = logging.getLogger(__name__)


@dataclass
class StreamSurvey:
    """What one pass tells. A stream is often sorted by class, so that its first rows tell nothing of the others.

    Attributes:
        decoder: Of the kind, range and precision that the rows need.
        labels: The values of every row in the label columns.
        moments: Mean and standard deviation of the inputs: of all rows, or of as many at random as were asked for where
            the stream tells beforehand how many it has.
    """

    decoder: Decoder
    labels: dict[str, list[Any]]
    moments: tuple[list[float], list[float]]


def survey(
    stream: IterableDataset,
    labels: Sequence[str],
    kind: Kind,
    decoder: Decoder,
    path: str,
    rows: int | None,
    most: int,
) -> StreamSurvey:
    """Read a stream once.

    Args:
        stream: Undecoded rows.
        labels: The label columns.
        kind: What the inputs are.
        decoder: That of the first row.
        path: The source, for errors.
        rows: How many rows there are, where that is known.
        most: How many are decoded for statistics where that is known.

    Raises:
        UserError: A row is unusable.
    """
    logger.warning("%s: reading the stream once for its classes and statistics", path)
    chosen: set[int] | None = None
    if rows is not None and rows > most:
        chosen = set(torch.randperm(rows, generator=torch.Generator().manual_seed(0))[:most].tolist())
    reader = _Pass(stream, labels, decoder, path, chosen)
    try:
        if decoder.scans:
            reader.decoder = decoder.scanned(reader.parts())
        moments = summed(kind.statistics(reader.decoder), reader.inputs())
    except OtherDecoder as other:
        reader = _Pass(stream, labels, other.decoder, path, chosen)
        moments = summed(kind.statistics(reader.decoder), reader.inputs())
    return StreamSurvey(reader.decoder, reader.labels, moments)


class _Pass:
    def __init__(
        self, stream: IterableDataset, labels: Sequence[str], decoder: Decoder, path: str, chosen: set[int] | None
    ) -> None:
        self.decoder = decoder
        self.labels: dict[str, list[Any]] = {name: [] for name in labels}
        self._stream, self._path, self._chosen = stream, path, chosen

    def parts(self) -> Iterator[tuple[dict[str, list[Any]], list[int]]]:
        """Yield the rows of the stream that are decoded, and their numbers."""
        self.labels = {name: [] for name in self.labels}
        stop = 0
        batches = self._stream.iter(batch_size=self.decoder.part_rows)
        while True:
            with reading(self._path):
                rows = next(batches, None)
            if rows is None:
                return
            for name, values in self.labels.items():
                values += rows[name]
            start, stop = stop, stop + len(next(iter(rows.values())))
            places = [row for row in range(start, stop) if self._chosen is None or row in self._chosen]
            if len(places) < stop - start:
                self.decoder.check(rows, range(start, stop))
            if places:
                yield {name: [rows[name][row - start] for row in places] for name in self.decoder.columns}, places

    def inputs(self) -> Iterator[Tensor]:
        """Yield the decoded inputs, part by part."""
        first = True
        for rows, places in self.parts():
            if first:
                self.decoder = self.decoder.fitting(rows, places)
            first = False
            yield self.decoder(rows, places)
