"""Reading parquet of strangers: what it holds is known before it is unpacked."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.parquet as pq

from hf_distill.errors import ArtifactError
from hf_distill.large import table_room

#: Bytes that a table may unpack to in any case, and for each of its own: repeated values take next to nothing on disk.
_ALWAYS, _RATIO = 2**27, 1000
_MOST_BATCH = 2**16


def unpacked_limit(size: int) -> int:
    """Return to how many bytes a file of some size may unpack."""
    return max(_ALWAYS, _RATIO * size)


def read_table(data: bytes, path: object, rows: int, columns: Sequence[str]) -> pa.Table:
    """Read columns of a parquet file.

    Args:
        data: The file.
        path: Its name, for messages.
        rows: How many rows it must have.
        columns: The columns that it must have, and that are read.

    Raises:
        ArtifactError: It is no parquet file, has other rows or columns, or would unpack to far more than its size.
    """
    limit = unpacked_limit(len(data))
    try:
        file = pq.ParquetFile(pa.BufferReader(data))
        about = file.metadata
        groups = [about.row_group(place) for place in range(about.num_row_groups)]
        parts = [group.column(place) for group in groups for place in range(group.num_columns)]
        if about.num_rows != rows or sum(group.num_rows for group in groups) != rows:
            raise ArtifactError(f"{path} has {about.num_rows} rows, not {rows} samples: make or download the set again")
        if set(file.schema_arrow.names) != set(columns):
            raise ArtifactError(f"{path} has other columns than its record says: make or download the set again")
        if not all(_is_plain(field.type) for field in file.schema_arrow):
            raise ArtifactError(f"{path} has columns of a type that no set has: make or download the set again")
        packed = [part.total_uncompressed_size for part in parts]
        # A value takes up to 16 bytes at least, whatever its codes do.
        if min(packed, default=0) < 0 or sum(packed) + 16 * sum(part.num_values for part in parts) > limit:
            raise ArtifactError(f"{path} unpacks to far more than its {len(data):,} bytes: it is not read")
        # A long value that comes many times is stored once: rows are unpacked by and by, and counted.
        size = max(1, min(_MOST_BATCH, limit // max([*packed, 1])))

        def unpacked() -> Iterator[pa.RecordBatch]:
            total = 0
            for batch in file.iter_batches(size, columns=list(columns), use_threads=False):
                total += batch.nbytes
                if total > limit:
                    raise ArtifactError(f"{path} unpacks to far more than its {len(data):,} bytes: it is not read")
                yield batch

        return table_room(unpacked(), file.schema_arrow).select(list(columns))
    except (pa.ArrowException, OSError, ValueError, MemoryError) as error:
        reason = re.sub(r"\s+", " ", str(error))[:150]
        raise ArtifactError(f"{path} cannot be read ({reason}): make or download the set again") from error


def _is_plain(kind: pa.DataType) -> bool:
    """Whether values of a type take the memory that they seem to take: no dictionaries, no views of other values."""
    if pa.types.is_struct(kind):
        return all(_is_plain(kind.field(place).type) for place in range(kind.num_fields))
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        return _is_plain(kind.value_type)
    text = (pa.binary(), pa.large_binary(), pa.string(), pa.large_string())
    return kind in text or (pa.types.is_primitive(kind) and not pa.types.is_nested(kind))
