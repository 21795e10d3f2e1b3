"""The time column of a series: finding, reading and checking it, and writing the one of a synthetic series."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from datasets import Features, Value

from hf_distill.data.series_spec import SeriesSpec
from hf_distill.errors import UserError

# The last two are what pandas leaves of a row index.
_NAMES = ("date", "datetime", "time", "timestamp", "ts", "ds", "period", "index", "unnamed: 0")
# Tried in this order on the first row; the letters after the seconds are literal, so both mean UTC.
_FORMATS = (
    *(f"{day}{time}" for day in ("%Y-%m-%d", "%Y/%m/%d") for time in (" %H:%M:%S", " %H:%M", "T%H:%M:%S", "T%H:%M")),
    *("%Y-%m-%d %H:%M:%S+00:00", "%Y-%m-%dT%H:%M:%S+00:00", "%Y-%m-%dT%H:%M:%SZ"),
    *("%Y-%m-%d", "%Y/%m/%d", "%Y-%m", "%Y%m%d%H%M", "%Y%m%d%H", "%Y%m%d"),
    *(f"{day}{time}" for day in ("%d.%m.%Y", "%m/%d/%Y", "%d/%m/%Y") for time in (" %H:%M:%S", " %H:%M", "")),
)
# Above this share of steps unlike the usual one a column is no clock (or the rows are of several series).
_IRREGULAR = 0.01

logger = logging.getLogger(__name__)


def is_date(feature: Any) -> bool:
    """Whether a column's type is a point in time."""
    return isinstance(feature, Value) and feature.dtype.startswith(("timestamp", "date"))


def is_text(feature: Any) -> bool:
    """Whether a column's type is text."""
    return isinstance(feature, Value) and "string" in feature.dtype


def is_number(feature: Any) -> bool:
    """Whether a column's type is a number."""
    return isinstance(feature, Value) and feature.dtype.startswith(("float", "int", "uint"))


def find_time_column(features: Features, given: str | None, first: dict[str, Any], taken: list[str]) -> str | None:
    """Return the time column: the given one, else the first of a date type or whose text is a date, else by its name.

    Args:
        features: The source's columns.
        given: The user's choice.
        first: The first row.
        taken: Columns that the user named as channels.

    Raises:
        UserError: The given column does not exist or cannot be a time.
    """
    if given is not None:
        if given not in features:
            raise UserError(f"no column {given!r}; set --data.time_column to one of {', '.join(features)}")
        if not (is_date(features[given]) or is_text(features[given]) or is_number(features[given])):
            raise UserError(f"column {given!r} is {features[given]}; a time column holds dates, text or numbers")
        return given
    free = [name for name in features if name not in taken]
    for name in free:
        if is_date(features[name]) or (is_text(features[name]) and _formats_of(first[name])):
            return name
    return next((name for name in free if name.lower() in _NAMES and is_number(features[name])), None)


def _formats_of(text: str | None) -> list[str]:
    """Return the formats that read a date."""
    array = pa.array([text], pa.string())
    return [f for f in _FORMATS if pc.strptime(array, format=f, unit="s", error_is_null=True)[0].is_valid]


def read_times(column: pa.ChunkedArray, name: str) -> tuple[np.ndarray, str | None]:
    """Return the times ``(T,)``, microseconds or the column's own numbers, and the format of a text column.

    Raises:
        UserError: A row has no time, or one that cannot be read.
    """
    format_ = None
    times = column
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        formats = _formats_of(column[0].as_py())
        if not formats:
            raise UserError(
                f"row 0 of the time column {name!r} is {column[0].as_py()!r}, which no known format reads: write dates "
                "like 2024-05-31 13:00:00, or name another column with --data.time_column"
            )
        # 1/2/2024 alone does not tell day from month: the format that reads the most rows is meant.
        readings = {f: pc.strptime(column, format=f, unit="us", error_is_null=True) for f in formats}
        format_ = min(formats, key=lambda f: readings[f].null_count)
        times = readings[format_]
    if times.null_count:
        row = pc.index(pc.is_null(times), pa.scalar(True)).as_py()
        value = column[row].as_py()
        what = "is empty" if value is None else f"is {value!r} and not a date like the first row's ({format_})"
        raise UserError(f"row {row} of the time column {name!r} {what}: mend or remove it")
    if pa.types.is_timestamp(times.type) or pa.types.is_date(times.type):
        times = times.cast(pa.timestamp("us", tz=getattr(times.type, "tz", None)), safe=False).cast(pa.int64())
    points = times.to_numpy()
    if points.dtype.kind == "f" and not np.isfinite(points).all():
        row = int(np.flatnonzero(~np.isfinite(points))[0])
        raise UserError(f"row {row} of the time column {name!r} is {points[row]}: mend or remove it")
    return points, format_


def check_times(times: np.ndarray, name: str, allow_irregular: bool) -> float | int:
    """Return the usual step, in the unit of ``times``.

    Up to one step in a hundred may be another one (a gap), which is logged: windows run across it.

    Raises:
        UserError: Time goes back, or stands still or steps are irregular and that is not allowed; the message names
            the row.
    """
    steps = np.diff(times)
    if not len(steps):
        return 0
    back = np.flatnonzero(steps < 0)
    if len(back):
        row = int(back[0]) + 1
        raise UserError(
            f"the time column {name!r} goes back at row {row} ({len(back)} times in all): sort the rows by it; rows of "
            "several series need one column each"
        )
    equal = np.flatnonzero(steps == 0)
    if len(equal) and not allow_irregular:
        row = int(equal[0]) + 1
        raise UserError(
            f"row {row} of the time column {name!r} has the time of row {row - 1} ({len(equal)} such rows in all): "
            "remove rows that are there twice and give each of several series a column, or set "
            "--data.allow_irregular=true to take all rows as equally spaced"
        )
    usual = np.sort(steps)[len(steps) // 2].item()
    odd = np.flatnonzero(steps != usual) if steps.dtype.kind in "iu" else np.flatnonzero(~np.isclose(steps, usual))
    if len(odd) and not allow_irregular:
        row = int(odd[0]) + 1
        what = f"{len(odd)} of {len(steps)} steps of the time column {name!r} are unlike the others, first at row {row}"
        if len(odd) > _IRREGULAR * len(steps):
            raise UserError(
                f"{what}: resample the series, or set --data.allow_irregular=true to take its rows as equally spaced"
            )
        logger.warning("%s: its rows are taken as equally spaced", what)
    return usual


def describe(times: np.ndarray, usual: float | int, feature: Value) -> tuple[str | float | int, float | int]:
    """Return start and step as :class:`SeriesSpec` holds them."""
    if is_number(feature):
        return times[0].item(), usual
    return np.datetime64(int(times[0]), "us").item().isoformat(), usual / 1e6


def synthetic_times(spec: SeriesSpec, rows: int) -> pa.Array:
    """Return the time column of a synthetic series, ``start + i * step`` in the source's own type and format."""
    assert spec.time_column is not None and spec.start is not None and spec.step is not None
    feature = Features.from_dict({"time": spec.features[spec.time_column]})
    kind = feature.arrow_schema.field("time").type
    count = np.arange(rows)
    if is_number(feature["time"]):
        assert not isinstance(spec.start, str)
        return pa.array(spec.start + count * spec.step).cast(kind, safe=False)
    start = np.datetime64(str(spec.start), "us").astype(np.int64)
    times = pa.array(start + count * round(spec.step * 1e6), pa.int64())
    if is_text(feature["time"]):
        # Whole seconds: with a finer unit %S would write the fraction too.
        seconds = pc.divide(times, pa.scalar(1_000_000, pa.int64())).cast(pa.timestamp("s"))
        return pc.strftime(seconds, format=spec.time_format).cast(kind)
    zone = getattr(kind, "tz", None)
    return times.cast(pa.timestamp("us", tz=zone)).cast(kind, safe=False)
