"""Tables that are not one row a time step: several series one below the other, or a row each."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from datasets import ClassLabel, Dataset, LargeList, List

from hf_distill.data.broken import is_text
from hf_distill.data.clock import Clock
from hf_distill.data.columns import is_number, is_vector
from hf_distill.data.dates import is_time_of_day, looks_like_date
from hf_distill.data.narrow import narrowed
from hf_distill.errors import UserError
from hf_distill.text import printable, shorten

_IDS = ("id", "series", "item", "name", "store", "station", "sensor", "unique_id", "ts_id")
# Columns that are called by dates, and their share of all, that make a row a series.
_DATED, _SHARE = 3, 0.6

logger = logging.getLogger(__name__)


def from_rows(table: Dataset, chosen: Sequence[str] | None) -> Dataset:
    """Turn rows of whole series into columns of time steps; return a table that is none as it is.

    A row is a series where its values are a list (``start``, ``target``, as GluonTS writes them, with ``freq`` where
    it is known), or where most columns are called by dates.

    Args:
        table: The table.
        chosen: The channels that the user names.

    Raises:
        UserError: The series have different lengths or starts.
    """
    features = table.features
    lists = [name for name, feature in features.items() if is_vector(feature)]
    numbers = [name for name, feature in features.items() if is_number(feature) and not _is_id(name)]
    if lists and not numbers and chosen is None:
        return _from_lists(table, "target" if "target" in lists else lists[0])
    dated = [name for name in features if looks_like_date(name) and is_number(features[name])]
    if len(dated) >= _DATED and len(dated) >= _SHARE * len(features) and chosen is None:
        return _from_dated_columns(table, dated)
    return table


def _is_id(name: str) -> bool:
    return name.strip().lower() in _IDS or name.lower().endswith(("_id", "id"))


def _names_of(table: Dataset) -> list[str]:
    """Return what the rows are called: by a column of their ids, else by their numbers."""
    rows = table.with_format("arrow")[:]
    for name, feature in table.features.items():
        if (_is_id(name) and not isinstance(feature, (List, LargeList))) or is_text(feature):
            values = [str(value) for value in rows[name].to_pylist()]
            if len(set(values)) == len(values):
                return values
    return [f"series {place}" for place in range(len(table))]


def _from_lists(table: Dataset, column: str) -> Dataset:
    names = _names_of(table)
    rows = table.with_format("arrow")[:]
    columns: dict[str, np.ndarray] = {}
    for name, values in zip(names, rows[column].to_pylist(), strict=True):
        values = np.asarray(values, np.float64) if values else np.empty(0)
        if values.ndim > 2:
            raise UserError(f"column {column!r} holds lists of lists of lists: a series is a list of numbers")
        parts = values if values.ndim == 2 else values[None]
        columns |= {name if len(parts) == 1 else f"{name} {place}": part for place, part in enumerate(parts)}
    lengths = {name: len(values) for name, values in columns.items()}
    if len(set(lengths.values())) > 1:
        short, long = min(lengths, key=lambda name: lengths[name]), max(lengths, key=lambda name: lengths[name])
        raise UserError(
            f"series {short!r} has {lengths[short]} values and {long!r} {lengths[long]}: channels need one length; cut "
            "them, or keep some rows only"
        )
    for name in ("start", "freq"):
        if name in rows.column_names and len(set(rows[name].to_pylist())) > 1:
            raise UserError(
                f"the rows differ in column {name!r}: channels need one {name}; keep rows that have the same"
            )
    times = None
    if "start" in rows.column_names and "freq" in rows.column_names:
        start, frequency = rows["start"][0].as_py(), rows["freq"][0].as_py()
        times = pd.date_range(pd.Timestamp(start), periods=len(next(iter(columns.values()))), freq=frequency)
    logger.warning(
        "%d rows of column %r become %d channels of %d time steps%s",
        len(table),
        column,
        len(columns),
        len(next(iter(columns.values()))),
        "" if times is not None else "; how long a step is, the table does not tell",
    )
    return _table(columns, {} if times is None else {"time": pa.array(times.to_numpy())})


def _from_dated_columns(table: Dataset, dated: list[str]) -> Dataset:
    names = _names_of(table)
    frame = narrowed(table, dated).with_format("pandas")[:]
    logger.warning("columns are called by dates: the %d rows become channels of %d time steps", len(table), len(dated))
    values = frame.to_numpy(np.float64)
    return _table({name: values[place] for place, name in enumerate(names)}, {"date": pa.array(dated)})


def _table(columns: dict[str, Any], times: dict[str, Any]) -> Dataset:
    wrong = next((name for name in times if name in columns), None)
    if wrong is not None:
        times = {f"{name} of the rows": values for name, values in times.items()}
    return Dataset(pa.table({**times, **{name: pa.array(values) for name, values in columns.items()}}))


def from_long(
    table: Dataset, clock: Clock, ids: str | list[str] | None, chosen: Sequence[str] | None
) -> Dataset | None:
    """Turn series that stand one below the other, told apart by a column of ids, into channels of one table.

    Args:
        table: The table.
        clock: Its time column, which goes back or stands still.
        ids: The user's choice of the columns that tell the series apart; else the only one that can.
        chosen: The columns of values that the user names.

    Returns:
        The table, or None where nothing tells series apart.

    Raises:
        UserError: A row comes twice, or several columns can be meant.
    """
    names = [ids] if isinstance(ids, str) else ids or _telling(table, clock, chosen)
    if not names:
        return None
    for name in names:
        if name not in table.features:
            raise UserError(f"no column {name!r}; set --data.id_column to one of {', '.join(table.features)}")
    features = table.features
    values = [
        name
        for name, feature in features.items()
        if is_number(feature) and name not in (*clock.columns, *names) and (chosen is None or name in chosen)
    ]
    if not values:
        raise UserError("there is no column of numbers beside times and ids: turn one into numbers first")
    frame = narrowed(table, [*names, *values]).with_format("pandas")[:]
    series = _spelled(frame, names, features)
    values = [name for name in values if not (_is_id(name) and frame.groupby(series)[name].nunique().max() == 1)]
    frame = frame[values].assign(**{_TIME: clock.times, _SERIES: series})
    twice = frame.duplicated([_TIME, _SERIES])
    if twice.any():
        row = int(twice.to_numpy().argmax())
        raise UserError(
            f"row {row} has the time and the {', '.join(names)} of another row ({int(twice.sum())} such rows in all): "
            "remove rows that are there twice, or name all columns that tell series apart with --data.id_column"
        )
    order = list(dict.fromkeys(series))
    wide = frame.pivot(index=_TIME, columns=_SERIES, values=values).sort_index()
    columns = {
        (name if len(values) == 1 else f"{value} {name}"): _narrow(wide[value, name], frame[value].dtype)
        for value in values
        for name in order
    }
    logger.warning(
        "%d series, told apart by %s, become %d channels of %d time steps; left out: %s",
        len(order),
        ", ".join(names),
        len(columns),
        len(wide),
        ", ".join(name for name in features if name not in (*clock.columns, *names, *values)) or "nothing",
    )
    rows = np.unique(clock.times, return_index=True)[1]
    times = narrowed(table, clock.columns).with_format("arrow")[rows.tolist()]
    return _table(columns, {name: times[name].combine_chunks() for name in clock.columns})


_TIME, _SERIES = "\0time", "\0series"


def _spelled(frame: pd.DataFrame, names: list[str], features: Any) -> pd.Series:
    parts = [
        frame[name].map(lambda value, feature=features[name]: feature.names[value])  # type: ignore[misc]
        if isinstance(features[name], ClassLabel)
        else frame[name].astype(str)
        for name in names
    ]
    spelled = parts[0]
    for part in parts[1:]:
        spelled = spelled + " " + part
    return spelled


def _narrow(values: pd.Series, dtype: Any) -> np.ndarray:
    """Return values in their column's own type, where none is missing."""
    numbers = values.to_numpy()
    return numbers if pd.isna(numbers).any() else numbers.astype(dtype)


def _telling(table: Dataset, clock: Clock, chosen: Sequence[str] | None) -> list[str]:
    """Return the column that tells the rows of one time apart."""
    taken = (*clock.columns, *(chosen or ()))
    found: list[tuple[str, np.ndarray]] = []
    for name, feature in table.features.items():
        named = is_number(feature) and _is_id(name)
        if name in taken or not (is_text(feature) or isinstance(feature, ClassLabel) or named):
            continue
        first = narrowed(table, [name]).with_format("arrow")[:1][name][0].as_py()
        if looks_like_date(first) or is_time_of_day(first):
            continue
        codes, values = pd.factorize(narrowed(table, [name]).with_format("pandas")[:][name])
        pairs = pd.DataFrame({"time": clock.times, "series": codes})
        if 1 < len(values) <= len(codes) // 2 and not pairs.duplicated().any():
            found.append((name, codes))
    if not found:
        return []
    if any(not np.array_equal(codes, found[0][1]) for _, codes in found):
        raise UserError(
            f"several columns tell series apart ({shorten(printable(', '.join(name for name, _ in found)), 100)}): "
            "name one with --data.id_column"
        )
    return [found[0][0]]
