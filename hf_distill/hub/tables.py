"""Samples and codes as parquet tables that plain ``datasets`` reads: stock feature types only."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from datasets import Dataset, DatasetInfo, Features, List, Value
from datasets.fingerprint import generate_random_fingerprint
from datasets.table import InMemoryTable
from torch import Tensor

from hf_distill.data.spec import DataSpec
from hf_distill.errors import ArtifactError
from hf_distill.hub.exact import soft_labels
from hf_distill.hub.record import TABLES
from hf_distill.hub.table_reader import read_table
from hf_distill.large import spans
from hf_distill.synthetic.base import Packed, Rows

#: Bytes that a parquet file of one row with a few byte columns takes beside them: schema, statistics, page headers.
TABLE_OVERHEAD = 3000
#: Rows that are written at a time, a group of a parquet file.
GROUP = 1000


def to_dataset(
    spec: DataSpec,
    stored: np.ndarray,
    y: Tensor,
    weights: dict[str, Tensor] | None = None,
    labels: pa.Table | None = None,
) -> Dataset:
    """Make the table of config ``default``: the source's column names and feature types.

    Args:
        spec: What the samples are.
        stored: Inputs ``(M, *shape)`` as they are stored.
        y: Targets ``(M,)`` or ``(M, outputs)``.
        weights: Name and values ``(M,)`` of a column of float32 beside them, if there is one.
        labels: The label columns, where targets do not tell all of them.
    """
    features = Features.from_dict(spec.features)
    targets = spec.goal.write(spec, y) if labels is None else dict(zip(labels.column_names, labels, strict=True))
    columns = {**spec.form.write(spec, stored), **targets}
    added = {name: values.numpy() for name, values in (weights or {}).items()}
    ordered = {name: columns[name] for name in features} | added
    features = Features({**features, **dict.fromkeys(added, Value("float32"))})
    plain = Features({name: spec.form.plain(feature) for name, feature in features.items()})
    made = Dataset.from_dict(ordered, features=plain)
    return made if plain == features else Dataset(made.data.cast(features.arrow_schema), DatasetInfo(features=features))


def with_probabilities(made: Dataset, name: str, packed: Packed, rows: slice) -> Dataset:
    """Return some rows of the table with a column of the class probabilities that the codes are read as."""
    y = soft_labels(packed)
    assert y is not None
    return made.add_column(name, list(y[rows]), feature=List(Value("float32")))


def read_weights(table: pa.Table, name: str) -> Tensor:
    """Return the weights ``(M,)`` of a column.

    Raises:
        ArtifactError: One is none: not finite, not positive, or missing.
    """
    values = np.array(table[name].to_numpy(), np.float32)
    if not np.isfinite(values).all() or not (values > 0).all():
        raise ArtifactError(f"column {name!r} holds weights that are not positive: it is damaged")
    return torch.from_numpy(values)


def from_table(table: pa.Table, spec: DataSpec) -> tuple[np.ndarray, Tensor]:
    """Read back what :func:`to_dataset` wrote: stored inputs and targets.

    Raises:
        ArtifactError: An input or a target is none that the specification allows.
    """
    return spec.form.read(spec, table), spec.goal.read_back(spec, table)


def codes_tables(packed: Packed, known: dict[str, Any] | None = None) -> Iterator[Dataset]:
    """Yield the table of config ``codes``, some rows at a time: one column each of :attr:`Packed.columns`.

    Args:
        packed: The stored variables, in bytes or plain numbers.
        known: Feature types of columns by name; those of all others follow from their values.
    """
    features = {name: _feature(values) for name, values in packed.columns.items()}
    features |= {name: feature for name, feature in (known or {}).items() if features.get(name) == Value("int64")}
    types = Features(features)
    for rows in spans(len(next(iter(packed.columns.values()))), GROUP):
        own = {name: values[rows] for name, values in packed.columns.items()}
        table = InMemoryTable(pa.Table.from_pydict(own, schema=types.arrow_schema))
        # Without a fingerprint of its own ``datasets`` would pickle all bytes for one.
        yield Dataset(table, DatasetInfo(features=types), fingerprint=generate_random_fingerprint())


def _feature(values: list[Any]) -> Any:
    first = values[0]
    if isinstance(first, list):
        return List(_feature(first))
    if isinstance(first, bytes):
        return Value("binary")
    if isinstance(first, bool):
        return Value("bool")
    if isinstance(first, int):
        return Value("int64")
    return Value("float64") if isinstance(first, float) else Value("string")


def write_parquet(parts: Iterable[Dataset], path: Path) -> tuple[dict[str, Any], int, int]:
    """Write a table with its feature types in the schema; equal content gives equal bytes.

    Byte columns get no statistics: least and largest value would be written beside the values themselves.

    Args:
        parts: The table, :data:`GROUP` rows at a time, or all of them.
        path: The file.

    Returns:
        The features as they describe themselves, the number of rows, and the bytes that they take as Arrow has them.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    features, rows, size = Features(), 0, 0
    with contextlib.ExitStack() as stack:
        for part in parts:
            # The dataset's own metadata holds a fingerprint, which may differ between runs.
            table = part.data.table.replace_schema_metadata(part.features.arrow_schema.metadata)
            if not rows:
                features = part.features
                plain = [field.name for field in table.schema if not pa.types.is_binary(field.type)]
                options = {"compression": "zstd", "compression_level": 9, "write_statistics": plain or False}
                writer = stack.enter_context(pq.ParquetWriter(path, table.schema, **options))
            writer.write_table(table, row_group_size=GROUP)
            rows, size = rows + len(part), size + part.data.nbytes
    return features.to_dict(), rows, size


def read_codes(data: bytes, folder: Path, record: dict[str, Any]) -> dict[str, Any]:
    """Return the columns of config ``codes``, each with a value in every row.

    Raises:
        ArtifactError: The table is not as the record says.
    """
    path, features = folder / TABLES["codes"], record["codes"]["features"]
    table = read_table(data, path, record["files"][TABLES["codes"]]["rows"], list(features))
    for name, kind in features.items():
        if not len(table) or (table[name].null_count and kind.get("dtype") in ("binary", "int64")):
            raise ArtifactError(f"{path} lacks values in column {name!r}: it is damaged")
    binary = [pa.types.is_binary(field.type) for field in table.schema]
    return {
        name: Rows(table[name]) if raw else table[name].to_pylist() for name, raw in zip(features, binary, strict=True)
    }
