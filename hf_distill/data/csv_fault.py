"""What keeps a CSV file from being a table: the cell that does not fit its column."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hf_distill.data.csv_dialect import csv_options
from hf_distill.text import printable, shorten

# Rows whose types ``datasets`` takes for the whole file.
_HEAD = 10_000
# The largest whole number of 64 bits, without a sign.
_LARGEST = 2.0**64


def csv_fault(file: Path) -> str | None:
    """Name the first cell that is unlike the first rows of its column, or return None where there is none.

    Rows are counted from 0, without the header.
    """
    import pandas as pd

    try:
        options = {"encoding_errors": "replace", **csv_options(file)}
        with pd.read_csv(file, dtype=str, chunksize=_HEAD, **options) as parts:
            kinds: dict[str, str] = {}
            for part in parts:
                for name, cells in part.items():
                    known = cells.dropna()
                    numbers = pd.to_numeric(known, errors="coerce")
                    large = numbers.abs() > _LARGEST
                    if (large & (numbers % 1 == 0)).any():
                        cell = shorten(printable(str(known[large].iloc[0])), 40)
                        return f"row {large.idxmax()} of column {printable(str(name))!r} holds {cell!r}, beyond 64 bits"
                    kind = kinds.setdefault(str(name), _kind(numbers, len(known) == len(cells)))
                    wrong = numbers.isna() | ((numbers % 1 != 0) & (kind == "whole numbers"))
                    if kind != "text" and wrong.any():
                        cell = shorten(printable(str(known[wrong].iloc[0])), 40)
                        return (
                            f"row {wrong.idxmax()} of column {printable(str(name))!r} holds {cell!r}, and the rows "
                            f"before it {kind}"
                        )
    except Exception:  # no table at all, in whatever way: the reader's own words are as good
        return None
    return None


def _kind(numbers: Any, complete: bool) -> str:
    """Return how pandas reads cells: whole numbers become real ones where some are missing."""
    if not len(numbers) or numbers.isna().any():
        return "text"
    return "whole numbers" if complete and (numbers % 1 == 0).all() else "numbers"
