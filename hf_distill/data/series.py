"""SeriesData: a multivariate time series of any source as normalised windows."""

from __future__ import annotations

from typing import Annotated, Any

import torch
from datasets import Dataset, Features
from typing_extensions import Self

from hf_distill.data.base import Data
from hf_distill.data.series_reading import Missing, check_missing, find_channels, measure, read_normalized
from hf_distill.data.series_spec import SeriesSpec
from hf_distill.data.series_split import SeriesSplit, check_lengths, find_borders
from hf_distill.data.series_time import check_times, describe, find_time_column, read_times
from hf_distill.data.sources import open_source
from hf_distill.errors import UserError
from hf_distill.options import PositiveInt, Range, Text


class SeriesData(Data[SeriesSpec]):
    """A time series: one row a time step, one column a channel, and a column with the time where there is one.

    The source is memory-mapped and read once into one float32 tensor ``(T, N)``, normalised by the statistics of the
    training rows; windows are views of it. A constant channel is divided by 1 and so stays at zero.

    Args:
        path: A local parquet, CSV, JSON or Arrow file, a local folder, or a Hub id.
        name: The source's configuration, for sources with several.
        revision: The Hub revision.
        split: The source's split that holds the series; it is divided by ``splits``.
        time_column: The column with the time; inferred where only one can be meant. Rows must be in its order and, up
            to one step in a hundred, equally spaced.
        columns: The channels; by default every column of numbers but the time column.
        splits: Where training, validation and test rows end: ``ett_hour`` or ``ett_minute`` (12, 4 and 4 months),
            a ratio such as ``7:1:2``, or three row numbers. ``auto`` knows the ETT series by their name or size and
            takes 7:1:2 for all others.
        lookback: Time steps that a forecaster sees.
        horizon: Time steps that it forecasts.
        stride: Time steps between training windows; all windows are tested.
        missing: What to do about missing values: ``error``, ``ffill`` (repeat the last value) or ``interpolate``.
        allow_irregular: Take the rows as equally spaced whatever the time column says; time must not go back.
        memory_gib: What may be held in memory, in GiB; a longer series is mapped from a temporary file.
    """

    def __init__(
        self,
        *,
        path: Text,
        name: str | None = None,
        revision: str | None = None,
        split: Text = "train",
        time_column: str | None = None,
        columns: list[str] | None = None,
        splits: str | list[int] = "auto",
        lookback: PositiveInt = 96,
        horizon: PositiveInt = 96,
        stride: PositiveInt = 1,
        missing: Missing = "error",
        allow_irregular: bool = False,
        memory_gib: Annotated[float, Range(0, 1e5)] = 4.0,
    ) -> None:
        self.path = path
        self.name = name
        self.revision = revision
        self.split = split
        self.time_column = time_column
        self.columns = columns
        self.splits = splits
        self.lookback = lookback
        self.horizon = horizon
        self.stride = stride
        self.missing = missing
        self.allow_irregular = allow_irregular
        self.memory_gib = memory_gib
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

    def _part(self, name: str) -> SeriesSplit:
        if self.spec and name not in self._parts:
            raise UserError(f"{self.path} has no {name} rows: set --data.splits to 7:1:2 instead of {self.splits!r}")
        return self._parts[name]

    def setup(self, device: torch.device | str = "cpu") -> Self:
        """Open the source, check and read it; does nothing the second time.

        Raises:
            UserError: The source cannot be opened; a column, a value or a time is unusable; or it is too short.
        """
        if self._spec is not None:
            return self
        table, source = self._open()
        if not len(table):
            raise UserError(f"split {self.split!r} of {self.path} is empty")
        first = table.with_format("arrow")[:1].to_pylist()[0]  # nothing is decoded, whatever the columns hold
        time_column = find_time_column(table.features, self.time_column, first, self.columns or [])
        channels = find_channels(table, self.columns, time_column, first)
        start, step, format_ = self._clock(table, time_column)
        borders = find_borders(self.splits, len(table), self.path, step)
        check_lengths(borders, self.lookback, self.horizon, self.path)
        statistics = measure(table, channels, borders[0])
        check_missing(statistics, channels, self.missing)
        kept = Features({key: value for key, value in table.features.items() if key in (*channels, time_column)})
        self._spec = SeriesSpec(
            channels=channels,
            mean=tuple(statistics.mean.tolist()),
            std=tuple(statistics.std.tolist()),
            features=kept.to_dict(),
            lookback=self.lookback,
            horizon=self.horizon,
            borders=borders,
            time_column=time_column,
            time_format=format_,
            start=start,
            step=step,
            source=source,
            num_rows=borders[0],
        )
        values = read_normalized(table, channels, statistics, self.missing, self.memory_gib)
        if values.numel() * 4 <= self.memory_gib * 2**30:
            values = values.to(device)
        self._divide(values, device)
        return self

    def _open(self) -> tuple[Dataset, dict[str, Any]]:
        if self._given is not None:
            table, source = self._given, {"path": self.path, "name": None, "split": self.split}
        else:
            opened, _, source = open_source(
                path=self.path, name=self.name, revision=self.revision, split=self.split, test_split=None
            )
            assert isinstance(opened, Dataset)
            table = opened
            source.pop("test_split")
        source["fingerprint"] = table._fingerprint
        return table, source

    def _clock(self, table: Dataset, column: str | None) -> tuple[str | float | int | None, float | int | None, Any]:
        """Return start, step and text format of the time column."""
        if column is None:
            return None, None, None
        times, format_ = read_times(table.with_format("arrow")[:][column], column)
        usual = check_times(times, column, self.allow_irregular)
        return *describe(times, usual, table.features[column]), format_

    def _divide(self, values: torch.Tensor, device: torch.device | str) -> None:
        for name in ("train", "validation", "test"):
            rows = self.spec.rows(name)
            if len(rows):
                part = values[max(0, rows.start - self.lookback) : rows.stop]
                stride = self.stride if name == "train" else 1
                self._parts[name] = SeriesSplit(part, self.lookback, self.horizon, stride, device)
