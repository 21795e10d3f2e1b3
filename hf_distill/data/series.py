"""SeriesData: a multivariate time series of any source as normalised windows."""

from __future__ import annotations

import copy
import logging
from dataclasses import replace
from typing import Annotated, Any, Literal

import torch
from datasets import Dataset, Features
from typing_extensions import Self

from hf_distill.data.base import Data
from hf_distill.data.clock import Clock
from hf_distill.data.clock_finding import find_clock
from hf_distill.data.opening import given_source, place_of
from hf_distill.data.series_reading import Missing, check_missing, find_channels, measure, read_normalized
from hf_distill.data.series_shapes import from_long, from_rows
from hf_distill.data.series_source import open_series
from hf_distill.data.series_spec import SeriesSpec
from hf_distill.data.series_split import SeriesSplit, check_lengths, find_borders
from hf_distill.errors import UserError
from hf_distill.options import PositiveInt, Range, Text

logger = logging.getLogger(__name__)


class SeriesData(Data[SeriesSpec]):
    """A time series: one row a time step, one column a channel, and a column with the time where there is one.

    The source is memory-mapped and read once into one float32 tensor ``(T, N)``, normalised by the statistics of the
    training rows; windows are views of it. A constant channel is divided by 1 and so stays at zero. Series that stand
    one below the other, told apart by an id, or that are a row each, become channels of one table first.

    Args:
        path: A local parquet, CSV, JSON or Arrow file, a local folder, or a Hub id.
        name: The source's configuration, for sources with several.
        revision: The Hub revision.
        split: The source's split that holds the series; it is divided by ``splits``.
        time_column: The column with the time, or the columns: of the day and the hour, or of year, month and so on.
            Inferred where only one can be meant. Rows must be in its order and, up to one step in a hundred, equally
            spaced: in seconds, or in business days, months or years.
        time_format: How the time is written (``strftime``: ``%d/%m/%Y``); by default what pandas takes it for, and of
            day and month the order that makes the steps regular.
        id_column: What tells series apart that stand one below the other, a column or several; inferred likewise.
        columns: The channels; by default every column of numbers that does not only tell the time.
        splits: Where training, validation and test rows end: ``ett_hour`` or ``ett_minute`` (12, 4 and 4 months),
            a ratio such as ``7:1:2``, or three row numbers. ``auto`` knows the ETT series by their name or size, takes
            the test split of a source that has one and goes on where the training split ends, and 7:1:2 for all others.
        test_fraction: The share of the rows, the last ones, that ``auto`` tests on instead; an eighth of the others
            validates.
        lookback: Time steps that a forecaster sees.
        horizon: Time steps that it forecasts.
        stride: Time steps between training windows; all windows are tested.
        missing: What to do about missing values: ``error``, ``ffill`` (repeat the last value) or ``interpolate``.
        allow_irregular: Take the rows as equally spaced whatever the time column says; time must not go back.
        memory_gib: What may be held in memory, in GiB; a longer series is mapped from a temporary file.
        separator: What stands between two cells of a CSV file; by default what its first lines tell.
        decimal: The decimal sign of a CSV file, likewise.

    Examples:
        >>> from datasets import Dataset
        >>> from hf_distill import SeriesData
        >>> table = Dataset.from_dict({"load": [float(hour % 24) for hour in range(600)]})
        >>> series = SeriesData.from_dataset(table, lookback=24, horizon=12, splits=[400, 500, 600]).setup()
        >>> series.spec.channels, series.spec.window, len(series.train)
        (('load',), 36, 365)
    """

    def __init__(
        self,
        *,
        path: Text,
        name: str | None = None,
        revision: str | None = None,
        split: Text = "train",
        time_column: str | list[str] | None = None,
        time_format: str | None = None,
        id_column: str | list[str] | None = None,
        columns: list[str] | None = None,
        splits: str | list[int] = "auto",
        test_fraction: Annotated[float, Range(0, 1, above=True, below=True)] | None = None,
        lookback: PositiveInt = 96,
        horizon: PositiveInt = 96,
        stride: PositiveInt = 1,
        missing: Missing = "error",
        allow_irregular: bool = False,
        memory_gib: Annotated[float, Range(0, 1e5)] = 4.0,
        separator: Text | None = None,
        decimal: Literal[".", ","] | None = None,
    ) -> None:
        self.path = path
        self.name = name
        self.revision = revision
        self.split = split
        self.time_column = time_column
        self.time_format = time_format
        self.id_column = id_column
        self.columns = columns
        self.splits = splits
        self.test_fraction = test_fraction
        self.lookback = lookback
        self.horizon = horizon
        self.stride = stride
        self.missing = missing
        self.allow_irregular = allow_irregular
        self.memory_gib = memory_gib
        self.separator = separator
        self.decimal = decimal
        self._given: Dataset | None = None
        self._spec: SeriesSpec | None = None
        self._parts: dict[str, SeriesSplit] = {}

    @classmethod
    def from_dataset(cls, dataset: Dataset, **overrides: Any) -> SeriesData:
        """Wrap a dataset that is already open; ``overrides`` are constructor arguments."""
        if not isinstance(dataset, Dataset):
            raise UserError(f"a datasets.Dataset is needed, one split with random access, not {type(dataset).__name__}")
        data = cls(path=overrides.pop("path", "in-memory"), **overrides)
        data._given = dataset
        return data

    @property
    def spec(self) -> SeriesSpec:
        """What the series is; known after :meth:`setup`."""
        if self._spec is None:
            raise RuntimeError("call setup() first")
        return self._spec

    @property
    def train(self) -> SeriesSplit:
        """The part to distill."""
        return self._part("train")

    @property
    def validation(self) -> SeriesSplit:
        """The part to choose on."""
        return self._part("validation")

    @property
    def test(self) -> SeriesSplit:
        """The part to measure on."""
        return self._part("test")

    def at_horizon(self, horizon: int) -> Self:
        """Return the same series, set up, with windows of another horizon.

        Raises:
            UserError: A part is too short for it.
        """
        check_lengths(self.spec.borders, self.lookback, horizon, self.path)
        other = copy.copy(self)
        other.horizon, other._spec = horizon, replace(self.spec, horizon=horizon)
        other._parts = {
            name: SeriesSplit(part.values, self.lookback, horizon, part.stride, part.device)
            for name, part in self._parts.items()
        }
        return other

    def piece(self, length: int, generator: torch.Generator) -> torch.Tensor:
        """See :class:`Data`.

        Raises:
            UserError: The run draws by importance, which pieces do not have.
        """
        if self.shares is not None:
            raise UserError(
                "method.batches draws windows of a series, and this objective looks at pieces: leave method.batches "
                "out, or choose an objective of windows"
            )
        return self.train.piece(length, generator)

    def _part(self, name: str) -> SeriesSplit:
        if self.spec and name not in self._parts:
            raise UserError(f"{self.path} has no {name} rows: set --data.splits to 7:1:2 instead of {self.splits!r}")
        return self._parts[name]

    def setup(self, device: torch.device | str | None = None) -> Self:
        """Open the source, check and read it, and place its windows; the second time place them alone.

        Args:
            device: Where they go; null for the CPU, or for where they are.

        Raises:
            UserError: The source cannot be opened; a column, a value or a time is unusable; or it is too short.
        """
        if self._spec is not None:
            if device is not None:
                for part in self._parts.values():
                    part.place(device, self.memory_gib)
            return self
        table, ends, source = self._open()
        if not len(table):
            raise UserError(f"split {self.split!r} of {self.path} is empty")
        rows = len(table)
        table, clock, chosen = self._shaped(table)
        channels = find_channels(table, chosen, clock)
        rhythm = None if clock is None else clock.check(self.allow_irregular)
        start, step = (None, None) if clock is None or rhythm is None else clock.described(rhythm.usual)
        known = ends if len(table) == rows else None
        if known is not ends:
            logger.warning("%s: what becomes channels is divided anew, 7:1:2", self.path)
        borders = find_borders(self.splits, len(table), self.path, step, known, self.test_fraction)
        check_lengths(borders, self.lookback, self.horizon, self.path)
        statistics = measure(table, channels, borders[0])
        check_missing(statistics, channels, self.missing)
        self._spec = SeriesSpec(
            channels=channels,
            mean=tuple(statistics.mean.tolist()),
            std=tuple(statistics.std.tolist()),
            features=_published(table.features, channels, clock).to_dict(),
            lookback=self.lookback,
            horizon=self.horizon,
            borders=borders,
            time_column=clock.name if clock is not None else None,
            time_format=clock.format if clock is not None else None,
            start=start,
            step=step,
            frequency=rhythm.frequency if rhythm is not None else None,
            source=source,
            num_rows=borders[0],
        )
        values = read_normalized(table, channels, statistics, self.missing, self.memory_gib)
        self._divide(values, torch.device(device or "cpu"))
        return self

    def _open(self) -> tuple[Dataset, tuple[int, int, int] | None, dict[str, Any]]:
        """Return the table, where its parts end if the source says so, and what is known of the source."""
        if self._given is not None:
            table, ends, source = self._given, None, given_source(self)
        else:
            alone = self.splits != "auto" or self.test_fraction is not None
            table, ends, source = open_series(**place_of(self), alone=alone)
        return table, ends, {**source, "fingerprint": table._fingerprint}

    def _shaped(self, table: Dataset) -> tuple[Dataset, Clock | None, list[str] | None]:
        """Return a table with one row a time step, its clock, and its channels where the user chose them."""
        table = from_rows(table, self.columns)
        clock = find_clock(table, self.time_column, self.time_format, self.columns or [])
        if clock is None:
            return table, None, self.columns
        rhythm = clock.rhythm
        if self.id_column is not None or len(rhythm.back) or len(rhythm.equal):
            long = from_long(table, clock, self.id_column, self.columns)
            if long is not None:
                return long, find_clock(long, list(clock.columns), clock.given, ()), None
        return table, clock, self.columns

    def _divide(self, values: torch.Tensor, device: torch.device) -> None:
        if values.numel() * 4 <= self.memory_gib * 2**30:
            values = values.to(device)
        for name in ("train", "validation", "test"):
            rows = self.spec.rows(name)
            if len(rows):
                part = values[max(0, rows.start - self.lookback) : rows.stop]
                stride = self.stride if name == "train" else 1
                self._parts[name] = SeriesSplit(part, self.lookback, self.horizon, stride, device)


def _published(features: Features, channels: tuple[str, ...], clock: Clock | None) -> Features:
    """Return the features of the time column and the channels, in the source's order."""
    timed, chosen = () if clock is None else clock.columns, set(channels)
    kept: dict[str, Any] = {}
    for name, feature in features.items():
        if clock is not None and name == timed[0]:
            kept[clock.name] = clock.feature
        elif name in chosen:
            kept[name] = feature
    return Features(kept)
