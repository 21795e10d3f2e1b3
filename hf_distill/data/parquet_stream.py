"""Streams of local parquet files that hold a few rows at a time, whatever the size of files and row groups."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.parquet as pq
from datasets import DatasetBuilder, DatasetInfo, Features, IterableDataset
from datasets.iterable_dataset import ArrowExamplesIterable
from datasets.table import table_cast

_ROWS = 256
_BUFFER = 2**20  # bytes


def parquet_streams(builder: DatasetBuilder) -> dict[str, IterableDataset]:
    """Return a stream of every split of a builder of local parquet files.

    The builder's own streams read with Arrow's threads, which hold what they read until the file ends, and abort or
    block a process that ends before them.
    """
    streams = {}
    for split, files in builder.config.data_files.items():
        features = builder.info.features or Features.from_arrow_schema(pq.read_schema(files[0]))
        tables = ArrowExamplesIterable(_tables, {"files": list(files), "features": [features] * len(files)})
        streams[str(split)] = IterableDataset(tables, DatasetInfo(features=features))
        if builder.info.splits:
            streams[str(split)].info.splits = builder.info.splits
    return streams


def _tables(files: list[str], features: list[Features]) -> Iterator[tuple[str, pa.Table]]:
    for file, kinds in zip(files, features, strict=True):
        with pq.ParquetFile(file, buffer_size=_BUFFER, pre_buffer=False) as parquet:
            for place, batch in enumerate(parquet.iter_batches(batch_size=_ROWS, use_threads=False)):
                yield f"{file} {place}", table_cast(pa.Table.from_batches([batch]), kinds.arrow_schema)
