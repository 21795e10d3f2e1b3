"""Clock: the column, or the columns, that say when the rows of a series were measured."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from datasets import Value

from hf_distill.data.dates import CALENDAR_WORDS, calendar_parts, epoch_unit
from hf_distill.data.rhythm import IRREGULAR, Rhythm
from hf_distill.errors import UserError

_PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Clock:
    """When the rows were measured.

    Attributes:
        columns: The source's columns that say so.
        name: What the time column is called where it is published.
        feature: Its type there.
        times: Microseconds since 1970, or the column's own numbers where these are no dates, ``(T,)``.
        format: How dates are written where the column is text, or a number whose digits are a date.
        dates: The times are microseconds.
        given: How the user says that they are written.
    """

    columns: tuple[str, ...]
    name: str
    feature: Value
    times: np.ndarray
    format: str | None = None
    dates: bool = True
    given: str | None = None

    @cached_property
    def rhythm(self) -> Rhythm:
        """How far apart the rows are."""
        return Rhythm.of(self.times, self.dates)

    def check(self, allow_irregular: bool) -> Rhythm:
        """Return the rhythm of the rows.

        Up to one step in a hundred may be another one (a gap), and local time may be put forward or back; both are
        logged: windows run across them.

        Raises:
            UserError: Time goes back, or stands still or steps are irregular and that is not allowed; the message
                names the row.
        """
        rhythm = self.rhythm
        name, steps = self.name, max(len(self.times) - 1, 1)
        if len(rhythm.back):
            raise UserError(
                f"the time column {name!r} goes back at row {rhythm.back[0]} ({len(rhythm.back)} times in all): sort "
                "the rows by it; rows of several series need one column each, or --data.id_column"
            )
        if len(rhythm.equal) and not allow_irregular:
            row = int(rhythm.equal[0])
            raise UserError(
                f"row {row} of the time column {name!r} has the time of row {row - 1} ({len(rhythm.equal)} such rows "
                "in all): remove rows that are there twice, name what tells several series apart with --data.id_column "
                "or give each a column, or set --data.allow_irregular=true to take all rows as equally spaced"
            )
        if len(rhythm.changed):
            logger.warning(
                "the time column %r changes to or from summer time at row %d (%d times in all): its rows are taken as "
                "equally spaced",
                name,
                rhythm.changed[0],
                len(rhythm.changed),
            )
        if len(rhythm.odd) and not allow_irregular:
            what = (
                f"{len(rhythm.odd)} of {steps} steps of the time column {name!r} are unlike the others, first at row "
                f"{rhythm.odd[0]}"
            )
            if rhythm.frequency is None and len(rhythm.odd) > IRREGULAR * steps:
                raise UserError(
                    f"{what}: resample the series, or set --data.allow_irregular=true to take its rows as equally "
                    "spaced"
                )
            logger.warning("%s: its rows are taken as equally spaced", what)
        return rhythm

    def described(self, usual: float | int) -> tuple[str | float | int, float | int]:
        """Return start and step as :class:`SeriesSpec` holds them."""
        if not self.dates:
            return self.times[0].item(), usual
        return np.datetime64(int(self.times[0]), "us").item().isoformat(), usual / 1e6

    def instants(self) -> np.ndarray | None:
        """Return the times as microseconds since 1970, where they are dates or an epoch."""
        if self.dates:
            return self.times
        unit = epoch_unit(self.times)
        return None if unit is None else (self.times * (10**6 / _PER_SECOND[unit])).astype(np.int64)

    @staticmethod
    def may_echo(name: str, values: np.ndarray) -> bool:
        """Whether some numbers of a column look as if it repeated the time."""
        return name.strip().lower() in CALENDAR_WORDS or epoch_unit(values) is not None

    def echoes(self, name: str, values: np.ndarray) -> bool:
        """Whether a column of numbers only repeats the time: its hour or month, or the seconds of an epoch."""
        times, unit = self.instants(), epoch_unit(values)
        if times is None:
            return False
        if name.strip().lower() in CALENDAR_WORDS:
            return any(np.array_equal(values, part) for part in calendar_parts(times)[name.strip().lower()])
        if unit is None:
            return False
        offset = values * (10**6 / _PER_SECOND[unit]) - times
        return bool(np.ptp(offset) <= 2e6 and abs(offset[0]) <= 86_400e6)
