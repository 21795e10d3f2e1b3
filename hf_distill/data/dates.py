"""Dates as people write them: text, numbers such as 2024053113, seconds of an epoch, a column for each part."""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from hf_distill.data.rhythm import Rhythm
from hf_distill.errors import UserError
from hf_distill.text import printable, shorten

# What pandas does not guess, tried beside what it does.
_FORMATS = (
    *("%Y-%m", "%Y/%m", "%Y%m%d%H%M%S", "%Y%m%d%H%M", "%Y%m%d%H", "%Y%m%d", "%Y%m", "%Y-%m-%d %H", "%Y-%m-%dT%H"),
    *(f"{day} {time}" for day in ("%m/%d/%Y", "%d/%m/%Y", "%Y-%m-%d", "%d.%m.%Y", "%d-%b-%Y", "%d-%m-%Y")
      for time in ("%I:%M %p", "%I:%M:%S %p", "%I %p")),
    *(f"{day}{time}" for day in ("%m/%d/%y", "%d/%m/%y", "%d.%m.%y", "%d-%b-%y", "%d-%m-%y", "%y-%m-%d")
      for time in ("", " %H:%M", " %H:%M:%S", " %I:%M %p")),
    *("%B %Y", "%b %Y", "%b-%Y", "%b-%y", "%m/%Y", "%m-%Y", "%G-W%V-%u", "%Y-%j", "%d%b%Y:%H:%M:%S"),
)  # fmt: skip
# A day, or a month by its name: text that looks like this is a time or an error.
_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]{0,6}\.?"
_LOOKS = re.compile(
    r"\s*(\w{3,9}\.?,? )?(\d{4}[-/.]\d{1,2}([-/.]\d{1,2})?|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}|\d{4}-?W\d\d|\d{4}Q[1-4]"
    rf"|\d{{1,2}}[ -]?{_MONTH}[ ,-]*\d{{2,4}}|{_MONTH}[ -]\d{{1,2}},? \d{{4}}|\d{{1,2}}/\d{{4}}"
    r"|(18|19|20|21)\d\d(0[1-9]|1[0-2])([0-3]\d([0-2]\d){0,1}([0-5]\d){0,2})?(T\d{4,6})?"
    rf"|{_MONTH}[ -]\d{{2,4}}|{_MONTH} \d\d? \d\d:\d\d:\d\d \d{{4}})([ T,:-].*|[Zz])?\s*",
    re.IGNORECASE,
)
_TIME_OF_DAY = re.compile(r"\s*(\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?\s*([AaPp][Mm])?|\d{1,2}\.\d{2}\.\d{2})\s*")
_QUARTER = "%YQ%q"  # which periods of pandas know
_ZONE = re.compile(r"([Zz]|[+-]\d{2}:?\d{2})\s*$")
# Forms of whole numbers, by their digits; and the years that they may name.
_COMPACT = {14: "%Y%m%d%H%M%S", 12: "%Y%m%d%H%M", 10: "%Y%m%d%H", 8: "%Y%m%d", 6: "%Y%m"}
_YEARS = (1800, 2199)
# Units of an epoch: their numbers of 1973 to 2100.
_EPOCH = {"s": (1e8, 4.1e9), "ms": (1e11, 4.1e12), "us": (1e14, 4.1e15), "ns": (1e17, 4.1e18)}
_PARTS = {
    "year": ("year", "yr", "yyyy", "jahr"),
    "month": ("month", "mon", "mo", "mm", "monat"),
    "day": ("day", "dd", "mday", "tag"),
    "hour": ("hour", "hr", "hh", "stunde"),
    "minute": ("minute", "min", "mi"),
    "second": ("second", "sec"),
}


#: Names of columns that :func:`calendar_parts` knows.
CALENDAR_WORDS = frozenset(
    [word for words in _PARTS.values() for word in words]
    + ["weekday", "dayofweek", "day_of_week", "dow", "wday", "dayofyear", "day_of_year", "doy", "yday"]
    + ["quarter", "qtr", "week", "weekofyear", "week_of_year"]
)


def looks_like_date(text: Any) -> bool:
    """Whether a cell is a date in some form; a time of day alone is none."""
    return isinstance(text, str) and bool(_LOOKS.fullmatch(text))


def is_time_of_day(text: Any) -> bool:
    """Whether a cell is a time of day and no more."""
    return isinstance(text, str) and bool(_TIME_OF_DAY.fullmatch(text))


def parse_text(cells: pd.Series, name: str, given: str | None = None) -> tuple[pd.Series, str]:
    """Read dates; where day and month could change places, the order that makes the steps regular is meant.

    Args:
        cells: Text.
        name: The column, for messages.
        given: The format (``strftime``) that the user names.

    Returns:
        Times without a zone (UTC where the text has an offset), and a format that writes them.

    Raises:
        UserError: A row has no time or one that cannot be read, or the order of day and month is open.
    """
    missing = cells.isna() | (cells.str.strip() == "")
    if missing.any():
        raise UserError(f"row {int(missing.argmax())} of the time column {name!r} is empty: mend or remove it")
    if given is None and cells.str.fullmatch(r"\d{4}Q[1-4]").all():
        return pd.Series(pd.PeriodIndex(cells, freq="Q").to_timestamp()), _QUARTER
    formats = [given] if given is not None else _candidates(cells.iloc[0])
    best: tuple[int, pd.Series, str] | None = None
    readings: list[tuple[pd.Series, str]] = []
    for form in formats:
        times = _parsed(cells, form)
        wrong = int(times.isna().sum())
        if not wrong:
            readings.append((times, form))
        if best is None or wrong < best[0]:
            best = wrong, times, form
    if not readings and given is None and len(cells) > 1:
        times = _parsed(cells, "ISO8601")  # with fractions of a second in some rows, or without
        if not times.isna().any():
            readings.append((times, "%Y-%m-%d %H:%M:%S.%f"))
    if not readings:
        raise _unread(cells, name, best, given)
    times, form = readings[0] if len(readings) == 1 else _most_regular(readings, cells, name)
    return times, _written(form, cells)


def _candidates(first: str) -> list[str]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of formats that do not obey dayfirst
        from pandas.tseries.api import guess_datetime_format

        text = first.strip()
        guesses = [guess_datetime_format(text, dayfirst=dayfirst) for dayfirst in (False, True)]
        guesses += [form.replace("%B", "%b") for form in guesses if form and "%B" in form]  # May is both
        # Of 2024-01-02 the day comes last, whatever else may be.
        found = [form for form in guesses if form and not re.match(r"%Y.%d.%m", form)]
        found += [form for form in _FORMATS if not _parsed(pd.Series([text]), form).isna().any()]
    kept: list[str] = []
    for form in found:
        if form not in kept and form != "%Y":
            kept.append(form)
    return kept


def _parsed(cells: pd.Series, form: str) -> pd.Series:
    """Return times without a zone, missing ones where a cell does not fit."""
    zone = "%z" in form or (form == "ISO8601" and bool(_ZONE.search(cells.iloc[0])))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            times = pd.to_datetime(cells.str.strip(), format=form, errors="coerce", utc=zone)
    except (ValueError, TypeError):  # a format that is none
        return pd.Series(pd.NaT, index=cells.index)
    return times.dt.tz_convert("UTC").dt.tz_localize(None) if getattr(times.dt, "tz", None) is not None else times


def _unread(cells: pd.Series, name: str, best: tuple[int, pd.Series, str] | None, given: str | None) -> UserError:
    if best is None or best[0] == len(cells):
        how = f"which {given!r} does not read" if given is not None else "which no known format reads"
        return UserError(
            f"row 0 of the time column {name!r} is {_said(cells.iloc[0])}, {how}: write dates like 2024-05-31 "
            "13:00:00, say how they are written with --data.time_format, or name another column with --data.time_column"
        )
    row = int(best[1].isna().argmax())
    return UserError(
        f"row {row} of the time column {name!r} is {_said(cells.iloc[row])} and not a date like the first row's "
        f"({best[2]}): mend or remove it"
    )


def _said(cell: Any) -> str:
    return repr(shorten(printable(str(cell)), 40))


def _most_regular(readings: Sequence[tuple[pd.Series, str]], cells: pd.Series, name: str) -> tuple[pd.Series, str]:
    scored = sorted(((Rhythm.of(micros(times)).disorder, times, form) for times, form in readings), key=lambda s: s[0])
    (least, times, form), (second, others, other) = scored[0], scored[1]
    if least == second and not times.equals(others):
        raise UserError(
            f"dates of the time column {name!r} such as {_said(cells.iloc[0])} can be {form} or {other}: say which "
            f"with --data.time_format={form}"
        )
    return times, form


def _written(form: str, cells: pd.Series) -> str:
    """Return the format that writes times of UTC: their offset is text then."""
    if "%Z" in form:
        return form.replace("%Z", cells.iloc[0].split()[-1])
    if "%z" not in form:
        return form
    found = _ZONE.search(cells.iloc[0].strip())
    zone = found[1] if found else "+00:00"
    return form.replace("%z", zone.upper() if zone in "Zz" else "+0000" if ":" not in zone else "+00:00")


def micros(times: pd.Series) -> np.ndarray:
    """Return times as microseconds since 1970."""
    return times.astype("datetime64[us]").astype(np.int64).to_numpy()


def parse_number(values: np.ndarray) -> tuple[np.ndarray, str] | None:
    """Read whole numbers that are dates, such as 2024053113; None where they are none.

    Returns:
        Microseconds, and the format whose text is the number.
    """
    if values.dtype.kind == "f" and (not np.isfinite(values).all() or (values % 1 != 0).any()):
        return None
    text = pd.Series(values.astype(np.int64)).astype(str)
    form = _COMPACT.get(len(text.iloc[0]))
    if form is None or (text.str.len() != len(text.iloc[0])).any():
        return None
    times = _parsed(text, form)
    if times.isna().any() or not times.dt.year.between(*_YEARS).all():
        return None
    return micros(times), form


def epoch_unit(values: np.ndarray) -> str | None:
    """Return the unit in which numbers count from 1970, ``s`` to ``ns``, if they do so."""
    if not len(values) or not np.isfinite(values.astype(np.float64)).all():
        return None
    return next((unit for unit, (low, high) in _EPOCH.items() if low <= values.min() and values.max() <= high), None)


def part_columns(names: Sequence[str]) -> dict[str, str]:
    """Return which columns hold the year, the month and so on, as far as they go down without a gap."""
    known = {name.strip().lower(): name for name in names}
    found: dict[str, str] = {}
    for part, words in _PARTS.items():
        name = next((known[word] for word in words if word in known), None)
        if name is None:
            break
        found[part] = name
    return found if len(found) > 1 else {}


def parse_parts(columns: Mapping[str, np.ndarray]) -> np.ndarray | None:
    """Put years, months and so on together, microseconds; None where they are no dates."""
    frame = pd.DataFrame({part: values.astype(np.float64) for part, values in columns.items()})
    if not np.isfinite(frame.to_numpy()).all() or not frame["year"].between(*_YEARS).all():
        return None
    times = pd.to_datetime(frame.assign(day=frame.get("day", 1)), errors="coerce")
    return None if times.isna().any() else micros(times)


def calendar_parts(times: np.ndarray) -> dict[str, list[np.ndarray]]:
    """Return what a calendar says of times, by the names that people give to such columns."""
    index = pd.DatetimeIndex(times.astype("datetime64[us]"))
    parts = {part: [np.asarray(getattr(index, part))] for part in _PARTS}
    named = {word: parts[part] for part, words in _PARTS.items() for word in words}
    weekday = [np.asarray(index.day_of_week) + shift for shift in (0, 1)] + [np.asarray(index.day_of_week + 1) % 7]
    named |= dict.fromkeys(("weekday", "dayofweek", "day_of_week", "dow", "wday"), weekday)
    named |= {name: [np.asarray(index.day_of_year)] for name in ("dayofyear", "day_of_year", "doy", "yday")}
    named |= {name: [np.asarray(index.quarter)] for name in ("quarter", "qtr")}
    named |= {name: [np.asarray(index.isocalendar().week)] for name in ("week", "weekofyear", "week_of_year")}
    return named
