"""Streams of local parquet files that hold a few rows at a time, whatever the size of files and row groups."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from datasets import DatasetBuilder, Features, IterableDataset
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
        streams[str(split)] = IterableDataset.from_generator(
            _rows, features=features, gen_kwargs={"files": list(files), "features": [features] * len(files)}
        )
        if builder.info.splits:
            streams[str(split)].info.splits = builder.info.splits
    return streams


def _rows(files: list[str], features: list[Features]) -> Iterator[dict[str, Any]]:
    for file, kinds in zip(files, features, strict=True):
        with pq.ParquetFile(file, buffer_size=_BUFFER, pre_buffer=False) as parquet:
            for batch in parquet.iter_batches(batch_size=_ROWS, use_threads=False):
                yield from table_cast(pa.Table.from_batches([batch]), kinds.arrow_schema).to_pylist()
