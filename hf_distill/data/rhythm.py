"""Rhythm: how far apart the rows of a series are, in seconds or by the calendar."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

# Above this share of steps unlike the usual one a column is no clock (or the rows are of several series).
IRREGULAR = 0.01
# Business days leave out holidays too.
_HOLIDAYS = 0.06
_CALENDARS = ("B", "MS", "ME", "QS", "QE", "YS", "YE", "BMS", "BME")
_HOUR = 3_600_000_000  # microseconds
_DAY = 24 * _HOUR
# Months in which clocks are changed somewhere.
_CHANGES = (3, 4, 9, 10, 11)


@dataclass(frozen=True)
class Rhythm:
    """The steps of a time column.

    Attributes:
        usual: The usual step, in the unit of the times.
        frequency: How the calendar counts where seconds do not: an alias of pandas (``MS``, ``B``) or ``months=3``.
        odd: Rows whose step is another one, and longer.
        back: Rows whose time is before that of the row before.
        equal: Rows whose time is that of the row before.
        changed: Rows at which local time jumps by the hour of summer time; they are none of the others.
    """

    usual: float | int
    frequency: str | None = None
    odd: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64))
    back: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64))
    equal: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64))
    changed: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64))

    @classmethod
    def of(cls, times: np.ndarray, dates: bool = True) -> Rhythm:
        """Find the rhythm of times.

        Args:
            times: Microseconds since 1970, ``(T,)``, or numbers of any kind.
            dates: They are microseconds.
        """
        steps = np.diff(times)
        if not len(steps):
            return cls(0)
        usual = np.sort(steps)[len(steps) // 2].item()
        unlike = steps != usual if steps.dtype.kind in "iu" else ~np.isclose(steps, usual)
        changed = _summer_time(times, steps, usual) if dates else np.zeros(len(steps), bool)
        rest = unlike & ~changed
        back, equal = np.flatnonzero((steps < 0) & ~changed) + 1, np.flatnonzero((steps == 0) & ~changed) + 1
        odd = np.flatnonzero(rest) + 1
        if dates and not len(back) and not len(equal) and len(odd) > IRREGULAR * len(steps):
            found = _calendar(times)
            if found is not None:
                return cls(usual, *found)
        return cls(usual, None, odd, back, equal, np.flatnonzero(changed) + 1)

    @property
    def disorder(self) -> int:
        """How many steps are unlike the others."""
        return len(self.odd)


def _summer_time(times: np.ndarray, steps: np.ndarray, usual: float | int) -> np.ndarray:
    """Return which steps are those of local time to or from summer time: an hour more or less, in a Sunday's night."""
    off = np.abs(steps - usual) == _HOUR
    if usual <= 0 or usual > _DAY or not off.any() or off.sum() > max(2, 3 * (times[-1] - times[0]) / (365 * _DAY)):
        return np.zeros(len(steps), bool)
    index = pd.DatetimeIndex(times[1:].astype("datetime64[us]"))
    night = (index.day_of_week == 6) & (index.hour <= 4) & index.month.isin(_CHANGES)
    return off & np.asarray(night) if usual < _DAY else off & np.asarray(index.month.isin(_CHANGES))


def _calendar(times: np.ndarray) -> tuple[str, np.ndarray] | None:
    """Return the frequency in which times follow each other by the calendar, and the rows that come late."""
    index = pd.DatetimeIndex(times.astype("datetime64[us]"))
    if (months := _months(index)) is not None:
        return months
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = pd.infer_freq(index) if len(index) > 2 else None
    if found is not None:
        return getattr(found, "freqstr", found), np.empty(0, np.int64)
    for alias in _CALENDARS:
        whole = pd.date_range(index[0], index[-1], freq=alias)
        places = whole.get_indexer(index)
        missing = len(whole) - len(index)
        if (places >= 0).all() and missing <= (_HOLIDAYS if alias == "B" else IRREGULAR) * len(index):
            return alias, np.flatnonzero(np.diff(places) > 1) + 1
    return None


def _months(index: pd.DatetimeIndex) -> tuple[str, np.ndarray] | None:
    """Return the months between rows that all have one day and one time of day."""
    clock = index - index.normalize()
    if (index.day != index.day[0]).any() or (clock != clock[0]).any():
        return None
    steps = np.diff(np.asarray(index.year) * 12 + np.asarray(index.month))
    usual = int(np.sort(steps)[len(steps) // 2])
    late = np.flatnonzero(steps != usual)
    if usual < 1 or len(late) > IRREGULAR * len(steps):
        return None
    return f"months={usual}", late + 1


def continued(start: np.datetime64, frequency: str, rows: int) -> pd.DatetimeIndex:
    """Return times that follow each other by a calendar."""
    offset = pd.DateOffset(months=int(frequency[7:])) if frequency.startswith("months=") else frequency
    return pd.date_range(pd.Timestamp(start), periods=rows, freq=offset)
