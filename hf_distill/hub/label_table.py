"""Config ``labels``: soft labels of views in a table of their own, which is downloaded without the samples' codes.

Rows are those of config ``default``, and values plain lists that ``datasets`` reads: ``labels[view]`` are the class
probabilities of a view of the sample, or of the classes ``chosen[view]`` alone. Quantized labels are the bytes that
``decode.py`` reads.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
from datasets import Dataset, DatasetInfo, Features, List, Value

from hf_distill.errors import ArtifactError
from hf_distill.hub.tables import GROUP
from hf_distill.large import spans
from hf_distill.synthetic.base import Packed

#: The columns of stored variables that are labels.
COLUMNS = ("labels", "labels_side", "chosen", "label")


def divided(packed: Packed) -> tuple[Packed, dict[str, Any]]:
    """Return what config ``codes`` holds, and the columns of config ``labels``; none where labels are no views'."""
    if "views" not in packed.meta.get("labels", {}):
        return packed, {}
    own = {name: values for name, values in packed.columns.items() if name in COLUMNS}
    rest = {name: values for name, values in packed.columns.items() if name not in COLUMNS}
    return (Packed(rest, packed.meta), own) if rest else (packed, {})


def labels_tables(columns: dict[str, Any], meta: dict[str, Any]) -> Iterator[Dataset]:
    """Yield the table, some rows at a time.

    Args:
        columns: Of :func:`divided`.
        meta: How they are stored.
    """
    layouts = meta.get("columns", {})
    for rows in spans(len(next(iter(columns.values()))), GROUP):
        made = {
            name: _lists(values[rows], layouts[name]) if name in layouts else (pa.array(values[rows]), Value("binary"))
            for name, values in columns.items()
        }
        features = Features({name: feature for name, (_, feature) in made.items()})
        table = pa.table({name: array for name, (array, _) in made.items()}, schema=features.arrow_schema)
        yield Dataset(table, DatasetInfo(features=features))


def label_columns(table: pa.Table, meta: dict[str, Any]) -> dict[str, list[Any]]:
    """Return the columns of a table as :func:`divided` gave them.

    Raises:
        ArtifactError: A value is missing, or a row has more or less than its description says.
    """
    found = {}
    for name in table.column_names:
        column, layout = table[name].combine_chunks(), meta.get("columns", {}).get(name)
        if name not in COLUMNS:
            raise ArtifactError(f"config labels has a column {name!r}, which is no label: it is damaged")
        if pa.types.is_binary(column.type):
            found[name] = column.to_pylist()
        else:
            found[name] = _rows(column, layout, name)
        if column.null_count or not len(column):
            raise ArtifactError(f"config labels lacks values in column {name!r}: it is damaged")
    return found


def _lists(values: list[bytes], layout: dict[str, Any]) -> tuple[pa.Array, Any]:
    """Return rows of bytes as nested lists, and their type."""
    kind, shape = np.dtype(layout["dtype"]), layout["shape"]
    array = pa.array(np.frombuffer(b"".join(values), kind))
    feature: Any = Value(kind.name)
    for size in reversed(shape):
        array = pa.ListArray.from_arrays(np.arange(0, len(array) + 1, size, dtype="i4"), array)
        feature = List(feature)
    return array, feature


def _rows(column: pa.Array, layout: dict[str, Any] | None, name: str) -> list[bytes]:
    """Return nested lists as rows of bytes."""
    damaged = ArtifactError(f"config labels holds no labels in column {name!r} as the record describes them: damaged")
    if layout is None:
        raise damaged
    rows = len(column)
    for size in layout["shape"]:
        if not pa.types.is_list(column.type) or column.null_count or set(column.value_lengths().to_pylist()) != {size}:
            raise damaged
        column = column.flatten()
    if pa.types.is_nested(column.type) or column.null_count or rows == 0:
        raise damaged
    values = column.to_numpy(zero_copy_only=False).astype(layout["dtype"])
    return [row.tobytes() for row in values.reshape(rows, -1)]
