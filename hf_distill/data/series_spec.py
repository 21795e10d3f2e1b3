"""SeriesSpec: what a time series is, and the only place that normalises and denormalises it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True)
class SeriesSpec:
    """What a multivariate time series is, and the forecasting task on it.

    Attributes:
        channels: The source's numeric columns that are forecast, in the source's order.
        mean, std: Statistics of every channel over the training rows (missing values left out); the standard deviation
            is the population's, and 1 for a constant channel.
        features: The time column's (if there is one) and the channels' ``datasets.Features`` as a dictionary, in the
            source's order.
        lookback: Time steps that a forecaster sees, ``L``.
        horizon: Time steps that it forecasts, ``H``.
        borders: Ends of the training, validation and test rows; each split starts where the one before ends.
        time_column: The source's column with the time, or None.
        time_format: How that column writes a date where it is text (``strftime``), else None.
        start: Time of the first row, ISO 8601, or a number where the time column counts.
        step: Seconds between two rows (the usual number of them), or the difference of two rows where the time column
            counts.
        frequency: How the calendar counts the rows where seconds do not: ``months=3``, or an alias of pandas such as
            ``B``; else None.
        source: Where the data came from: ``path``, ``name``, ``revision``, ``split``, ``fingerprint``, ``license``.
        num_rows: Rows of the training split.

    Examples:
        >>> from hf_distill import SeriesSpec
        >>> spec = SeriesSpec(channels=("load",), mean=(10.0,), std=(2.0,), features={}, borders=(400, 500, 600))
        >>> spec.window, spec.rows("test")
        (192, range(500, 600))
    """

    task: ClassVar[str] = "time-series-forecasting"
    kind: ClassVar[str] = "series"
    target: ClassVar[str] = "future"
    num_groups: ClassVar[None] = None

    channels: tuple[str, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    features: dict[str, Any]
    lookback: int = 96
    horizon: int = 96
    borders: tuple[int, int, int] = (0, 0, 0)
    time_column: str | None = None
    time_format: str | None = None
    start: str | float | int | None = None
    step: float | int | None = None
    frequency: str | None = None
    source: dict[str, Any] = field(default_factory=dict)
    num_rows: int = 0

    @property
    def num_channels(self) -> int:
        """Number of channels, ``N``."""
        return len(self.channels)

    @property
    def shape(self) -> tuple[int]:
        """Shape of one stored row, ``(N,)``."""
        return (self.num_channels,)

    @property
    def window(self) -> int:
        """Time steps of one training window, look-back and horizon."""
        return self.lookback + self.horizon

    @property
    def value_dtypes(self) -> tuple[np.dtype, ...]:
        """The source's type of every channel."""
        return tuple(np.dtype(self.features[name]["dtype"]) for name in self.channels)

    @property
    def bits_per_row(self) -> int:
        """Bits of one time step of all channels in the source's types; the time column only counts and takes none."""
        return sum(dtype.itemsize * 8 for dtype in self.value_dtypes)

    @property
    def bits_per_value(self) -> int:
        """Bits of one stored value in the source, those of the widest channel."""
        return max(dtype.itemsize * 8 for dtype in self.value_dtypes)

    def rows(self, split: str) -> range:
        """Return the rows that a split (``train``, ``validation`` or ``test``) is measured on."""
        place = ("train", "validation", "test").index(split)
        return range(self.borders[place - 1] if place else 0, self.borders[place])

    def statistics(self, like: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and standard deviation ``(N,)`` in double precision, on the device of ``like``."""
        mean, std = (torch.tensor(v, device=like.device, dtype=torch.float64) for v in (self.mean, self.std))
        return mean, std

    def normalize(self, raw: Tensor) -> Tensor:
        """Turn values ``(..., N)`` in the source's units into float32: mean 0, deviation 1 in the training rows."""
        mean, std = self.statistics(raw)
        return ((raw.double() - mean) / std).float()

    def denormalize(self, x: Tensor) -> Tensor:
        """Turn normalised values ``(..., N)`` into what is stored, float64 that the source's types hold exactly.

        Integer channels are rounded and clipped to their type's range.
        """
        mean, std = self.statistics(x)
        value = x.detach().double() * std + mean
        for place, dtype in enumerate(self.value_dtypes):
            if dtype.kind == "b":
                value[..., place] = value[..., place].round().clamp(0, 1)
            elif dtype.kind in "iu":
                limits = np.iinfo(dtype)
                value[..., place] = value[..., place].round().clamp(limits.min, limits.max)
            elif dtype.itemsize == 4:
                value[..., place] = value[..., place].float().double()
            elif dtype.itemsize == 2:
                value[..., place] = value[..., place].half().double()
        return value

    def contents(self) -> str:
        """Say what a set holds."""
        return f"time steps of {self.num_channels} channels"

    def made_up(self) -> tuple[Tensor, Tensor]:
        """Return two time steps of the mean, and their numbers."""
        return torch.zeros(2, self.num_channels), torch.arange(2)

    def with_few(self, most: int) -> SeriesSpec:
        """Return the specification as it is: it has no classes."""
        return self

    def to_dict(self) -> dict[str, Any]:
        """Return the specification as JSON, its task included."""
        return {"task": self.task, **asdict(self)}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> SeriesSpec:
        """Rebuild a specification from :meth:`to_dict`."""
        values = {key: value for key, value in values.items() if key != "task"}
        for key in ("channels", "mean", "std", "borders"):
            if isinstance(values.get(key), list):
                values[key] = tuple(values[key])
        return cls(**values)
