"""Finding the clock of a table: which columns say when its rows were measured, and how."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
import pandas as pd
from datasets import Dataset, Value

from hf_distill.data.broken import is_text
from hf_distill.data.clock import Clock
from hf_distill.data.columns import is_number
from hf_distill.data.counters import is_counter
from hf_distill.data.dates import (
    epoch_unit,
    is_time_of_day,
    looks_like_date,
    micros,
    parse_number,
    parse_parts,
    parse_text,
    part_columns,
)
from hf_distill.data.narrow import narrowed
from hf_distill.data.rhythm import IRREGULAR, Rhythm
from hf_distill.errors import UserError

_NAMES = ("date", "datetime", "time", "timestamp", "ts", "ds", "period", "year")
# Rows that are looked at first.
_HEAD = 256


def find_clock(
    table: Dataset, given: str | list[str] | None, time_format: str | None, taken: Collection[str]
) -> Clock | None:
    """Return the clock of a table: the given columns, else those that are dates, else numbers that count time.

    Args:
        table: The table.
        given: The user's choice: a column, or a date's and a time's, or those of year, month and so on.
        time_format: How the user says that its text is written.
        taken: Columns that the user named as channels.

    Raises:
        UserError: A given column does not exist or cannot be a time, or text looks like a time and is none.
    """
    features = table.features
    if given is not None:
        return _given(table, [given] if isinstance(given, str) else given, time_format)
    free = [name for name in features if name not in taken]
    # A column that is called a time is one before others that hold dates.
    for name in sorted(free, key=lambda name: name.strip().lower() not in _NAMES):
        if _is_date(features[name]):
            return _of_dates(table, name)
        if is_text(features[name]) and looks_like_date(_first(table, name)):
            return _with_time_of_day(table, name, time_format, free)
    for name in free:
        if is_text(features[name]) and name.strip().lower() in _NAMES and not taken:
            raise UserError(
                f"column {name!r} is called like a time and its row 0, {_first(table, name)!r}, is none: name the time "
                "column with --data.time_column, say how it is written with --data.time_format, or choose the channels "
                "with --data.columns"
            )
    numbers = [name for name in free if is_number(features[name])]
    head = narrowed(table, numbers).with_format("arrow")[:_HEAD]
    parts = part_columns(numbers)
    if parts and (times := parse_parts({part: _numbers(table, name) for part, name in parts.items()})) is not None:
        return _joined(table, tuple(parts.values()), times)
    named = [name for name in numbers if name.strip().lower() in _NAMES]
    for name in [*named, *(name for name in numbers if name not in named)]:
        if name in named or (_counts_time(head[name].to_numpy()) and _counts_time(_numbers(table, name))):
            return _of_numbers(table, name, _numbers(table, name))
    return None


def _given(table: Dataset, names: list[str], time_format: str | None) -> Clock:
    features = table.features
    for name in names:
        if name not in features:
            raise UserError(f"no column {name!r}; set --data.time_column to one of {', '.join(features)}")
        if not (_is_date(features[name]) or is_text(features[name]) or _is_plain_number(features[name])):
            raise UserError(f"column {name!r} is {features[name]}; a time column holds dates, text or numbers")
    if len(names) == 1:
        name = names[0]
        if _is_date(features[name]):
            return _of_dates(table, name)
        if is_text(features[name]):
            return _of_text(table, name, time_format)
        values = _numbers(table, name)
        if time_format is not None:
            text = pd.Series(values.astype(np.int64)).astype(str)
            times = micros(parse_text(text, name, time_format)[0])
            return Clock((name,), name, features[name], times, time_format, given=time_format)
        return _of_numbers(table, name, values)
    parts = part_columns(names)
    if len(parts) == len(names):
        dates = parse_parts({part: _numbers(table, name) for part, name in parts.items()})
        if dates is None:
            raise UserError(f"columns {', '.join(names)} are no dates: name others with --data.time_column")
        return _joined(table, tuple(names), dates)
    texts = [_cells(table, name) if is_text(features[name]) else _numbers_as_text(table, name) for name in names]
    cells = texts[0]
    for more in texts[1:]:
        cells = cells + " " + more
    times_, form = parse_text(cells, " ".join(names), time_format)
    return Clock(tuple(names), names[0], Value("string"), micros(times_), form, given=time_format)


def _is_date(feature: Any) -> bool:
    return isinstance(feature, Value) and feature.dtype.startswith(("timestamp", "date"))


def _is_plain_number(feature: Any) -> bool:
    return is_number(feature) and feature.dtype != "bool"


def _first(table: Dataset, name: str) -> Any:
    """Return the first value of a column that there is."""
    column = narrowed(table, [name]).with_format("arrow")[:1000][name].drop_null()
    return column[0].as_py() if len(column) else None


def _cells(table: Dataset, name: str) -> pd.Series:
    column = narrowed(table, [name]).with_format("arrow")[:][name]
    return pd.Series(column.to_pylist(), dtype="object").astype("str").where(~pd.Series(column.is_null()), None)


def _numbers(table: Dataset, name: str) -> np.ndarray:
    return np.asarray(narrowed(table, [name]).with_format("arrow")[:][name].to_numpy())


def _numbers_as_text(table: Dataset, name: str) -> pd.Series:
    """Return numbers as two digits each, an hour say."""
    return pd.Series(_numbers(table, name)).map(lambda value: f"{value:02.0f}")


def _complete(values: np.ndarray, name: str) -> None:
    gone = pd.isna(values) | (np.isinf(values) if values.dtype.kind == "f" else False)
    if gone.any():
        row = int(np.argmax(gone))
        what = "empty" if pd.isna(values[row]) else str(values[row])
        raise UserError(f"row {row} of the time column {name!r} is {what}: mend or remove it")


def _of_dates(table: Dataset, name: str) -> Clock:
    column = narrowed(table, [name]).with_format("arrow")[:][name]
    times = pd.Series(column.to_numpy(zero_copy_only=False))
    _complete(times.to_numpy(), name)
    return Clock((name,), name, table.features[name], micros(times))


def _of_text(table: Dataset, name: str, time_format: str | None) -> Clock:
    times, form = parse_text(_cells(table, name), name, time_format)
    return Clock((name,), name, table.features[name], micros(times), form, given=time_format)


def _with_time_of_day(table: Dataset, name: str, time_format: str | None, free: list[str]) -> Clock:
    """Read a column of dates, and with it one of times where the dates alone stand still."""
    clock = _of_text(table, name, time_format)
    if clock.format is None or "%H" in clock.format or "%I" in clock.format or not (np.diff(clock.times) == 0).any():
        return clock
    for other in free:
        if other == name:
            continue
        hours: np.ndarray | None = None
        if is_text(table.info.features[other]) and is_time_of_day(_first(table, other)):
            spelled = _cells(table, other)
            read = pd.to_datetime(spelled.str.strip().str.replace(".", ":", n=2), format="mixed")
            hours = micros(read - read.dt.normalize() + pd.Timestamp(0))
        elif is_number(table.info.features[other]) and other.strip().lower() in ("hour", "hr", "hh"):
            hours = _numbers(table, other) * 3_600_000_000
        if hours is not None and not (np.diff(clock.times + hours) == 0).any():
            return Clock(
                (name, other), name, Value("string"), clock.times + hours.astype(np.int64), f"{clock.format} %H:%M:%S"
            )
    return clock


def _joined(table: Dataset, names: tuple[str, ...], times: np.ndarray) -> Clock:
    """Return the clock of columns for each part, published as one column of dates."""
    name = next(
        name for name in ("time", "date", "datetime", "timestamp_") if name not in table.features or name in names
    )
    return Clock(names, name, Value("timestamp[s]"), times)


def _counts_time(values: np.ndarray) -> bool:
    """Whether numbers of whatever name are dates or an epoch, one after another in equal steps."""
    if values.dtype.kind not in "iuf" or len(values) < 3 or not (np.diff(values) > 0).all():
        return False
    if values.dtype.kind == "f" and (values % 1 != 0).any():
        return False
    compact = parse_number(values)
    times, dates = compact[0] if compact is not None else values, compact is not None
    if compact is None and epoch_unit(values) is None:
        return False
    rhythm = Rhythm.of(times, dates)
    return len(rhythm.odd) <= IRREGULAR * len(times) or rhythm.frequency is not None


def _of_numbers(table: Dataset, name: str, values: np.ndarray) -> Clock:
    """Read numbers as dates where their digits are some, else as what they are."""
    _complete(values, name)
    feature = table.features[name]
    compact = parse_number(values)
    if compact is not None and (epoch_unit(values) is None or not _is_even(values) or _is_even(compact[0])):
        return Clock((name,), name, feature, compact[0], compact[1])
    if is_counter(name, values):
        raise UserError(f"column {name!r} only counts the rows and tells no time: leave out --data.time_column")
    return Clock((name,), name, feature, values, None, dates=False)


def _is_even(times: np.ndarray) -> bool:
    steps = np.diff(times)
    return bool(len(steps) and (steps == steps[0]).all())
