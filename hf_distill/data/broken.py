"""Columns that one bad cell has turned from numbers into text."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc
from datasets import Dataset, Value

from hf_distill.data.narrow import narrowed
from hf_distill.errors import UserError
from hf_distill.text import shorten

_ROWS = 65_536
# A number as people write it, with a decimal comma too: such a column is meant as numbers, and is not read as them.
_NUMBER = r"^\s*[+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d+)?\s*$"


def is_text(feature: object) -> bool:
    """Whether a column's type is text."""
    return isinstance(feature, Value) and "string" in feature.dtype


def refuse_broken(table: Dataset, name: str, option: str) -> None:
    """Refuse a column of text of which most values are numbers: one bad cell turns all of it into text.

    Args:
        table: The table.
        name: The column.
        option: The option that chooses other columns.

    Raises:
        UserError: The message names the first cell that is no number.
    """
    if not is_text(table.info.features[name]):
        return
    numbers = known = start = 0
    bad: tuple[int, str] | None = None
    for rows in narrowed(table, [name]).with_format("arrow").iter(batch_size=_ROWS):
        cells = rows[name].cast(pa.large_string())
        matches = pc.match_substring_regex(cells, _NUMBER)
        numbers += pc.sum(matches).as_py() or 0
        known += len(cells) - cells.null_count
        if bad is None and (place := pc.index(matches, pa.scalar(False)).as_py()) >= 0:
            bad = start + place, cells[place].as_py()
        start += len(cells)
    if 2 * numbers <= known:
        return
    what = f"column {name!r} is text and most of it numbers"
    if bad is not None:
        what += f"; row {bad[0]} holds {shorten(bad[1], 40)!r}"
    raise UserError(f"{what}: write numbers with a point and mend such cells, or choose others with --data.{option}")
