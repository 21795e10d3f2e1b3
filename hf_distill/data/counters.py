"""Columns that only number the rows, or name them: they say nothing of a sample."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
from datasets import Dataset

from hf_distill.data.columns import Columns
from hf_distill.data.narrow import narrowed

# What people and pandas call the numbers of the rows.
_COUNTERS = (
    *("id", "index", "idx", "no", "no.", "nr", "row", "rownames", "row_id", "rowid", "record", "#", "observation"),
    *("step", "timestep", "time_step", "time_idx", "time_index", "t"),
)
# What tells single samples apart is no property of theirs.
_ID = re.compile(r"(?i:(.*[_ .-])?id)|.*[a-z](Id|ID)")


def names_rows(name: str) -> bool:
    """Whether a column is called as what only numbers or names the rows."""
    return (
        name.startswith(("Unnamed: 0", "__index_level_"))
        or name.strip().lower() in _COUNTERS
        or bool(_ID.fullmatch(name))
    )


def is_counter(name: str, values: np.ndarray) -> bool:
    """Whether a column only numbers the rows: it is called so, and counts, or is what pandas makes of an index."""
    if name.startswith(("Unnamed: 0", "__index_level_")):
        return values.dtype.kind in "iu"
    called = name.strip().lower() in _COUNTERS
    return called and len(values) > 1 and values.dtype.kind in "iuf" and bool((np.diff(values) == 1).all())


def without_counters(columns: Columns, table: Dataset) -> Columns:
    """Leave out of a joined vector what numbers the rows or names them, each by another number, and empty columns."""
    rows = narrowed(table, columns.inputs).with_format("arrow")[:]
    useless = []
    for name in columns.inputs:
        values = rows[name]
        numbers = values.to_numpy()
        names_rows = _ID.fullmatch(name) and numbers.dtype.kind in "iu" and len(np.unique(numbers)) == len(numbers) > 2
        if values.null_count == len(values) or names_rows or is_counter(name, numbers):
            useless.append(name)
    return replace(columns, inputs=tuple(name for name in columns.inputs if name not in useless) or columns.inputs)
