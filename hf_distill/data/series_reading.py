"""Reading a series from a memory-mapped table into one normalised tensor, a chunk of rows at a time."""

from __future__ import annotations

import logging
import math
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import torch
from datasets import Dataset
from torch import Tensor

from hf_distill.data.broken import is_text, refuse_broken
from hf_distill.data.clock import Clock
from hf_distill.data.columns import is_number
from hf_distill.data.counters import is_counter
from hf_distill.data.kinds.vector_decoder import LARGEST
from hf_distill.data.narrow import narrowed
from hf_distill.errors import UserError
from hf_distill.text import shorten

_NUMBERS = 2**23  # read at once
_HEAD = 256
# What loggers and weather services write for a value that they do not have.
_MARKS = (-999.0, -9999.0, -99999.0, -9999.9, -999.9)
Missing = Literal["error", "ffill", "interpolate"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Statistics:
    """What one pass over the rows tells of every channel.

    Attributes:
        mean, std: Over the training rows, ``(N,)``; ``std`` is 1 where a channel is constant.
        missing: Missing values of all rows, ``(N,)``.
        first_missing: Row of the first of them, ``(N,)``.
    """

    mean: np.ndarray
    std: np.ndarray
    missing: np.ndarray
    first_missing: np.ndarray


def find_channels(table: Dataset, columns: list[str] | None, clock: Clock | None) -> tuple[str, ...]:
    """Return the channels, in the source's order: the chosen ones, else all numbers but those that only tell the time.

    Raises:
        UserError: A chosen column does not exist, is no number or tells the time; there is no channel; or a column of
            text holds numbers for the most part.
    """
    features = table.features
    first = table.with_format("arrow")[:1].to_pylist()[0]  # nothing is decoded, whatever the columns hold
    timed = clock.columns if clock is not None else ()
    if columns is not None:
        for name in columns:
            if name not in features:
                raise UserError(f"no column {name!r}; choose --data.columns from {', '.join(features)}")
            if name in timed:
                raise UserError(f"column {name!r} is the time column and cannot be a channel too: leave it out")
            if not is_number(features[name]):
                refuse_broken(table, name, "columns")
                raise UserError(
                    f"column {name!r} is {_kind(features[name])} (row 0: {first[name]!r}) and channels are numbers: "
                    "leave it out of --data.columns or turn it into numbers first"
                )
        if not columns:
            raise UserError("data.columns is empty: name the channels, or leave it out to take all numbers")
        return tuple(name for name in features if name in columns)
    numbers = [name for name in features if name not in timed and is_number(features[name])]
    for name in features:
        if name not in timed and is_text(features[name]):
            refuse_broken(table, name, "columns")
    head = narrowed(table, numbers).with_format("arrow")[:_HEAD]
    empty = [name for name in numbers if not pc.count(head[name]).as_py() and not pc.count(_cells(table, name)).as_py()]
    clocks = _only_counting(table, [name for name in numbers if name not in empty], clock)
    refused, known = {*clocks, *empty}, {*numbers, *timed}
    channels = tuple(name for name in numbers if name not in refused)
    if not channels:
        kinds = ", ".join(f"{name} is {_kind(feature)}, {first[name]!r}" for name, feature in features.items())
        raise UserError(f"there is no column of numbers to forecast ({shorten(kinds, 300)}): turn one into numbers")
    left_out = [
        *(f"{name!r} ({_kind(features[name])}, row 0: {first[name]!r})" for name in features if name not in known),
        *(f"{name!r} (it only tells the row or the time)" for name in clocks),
        *(f"{name!r} (it is empty)" for name in empty),
    ]
    if left_out:
        logger.warning("columns that are no channels are left out: %s", ", ".join(left_out))
    return channels


def _only_counting(table: Dataset, names: list[str], clock: Clock | None) -> list[str]:
    """Return the columns of numbers that are no measurement: the number of the row, or a part of its time."""
    head = narrowed(table, names).with_format("arrow")[:_HEAD]
    found = []
    for name in names:
        values = head[name].to_numpy()
        counts = is_counter(name, values)
        if (counts and is_counter(name, _column(table, name))) or (
            not counts
            and clock is not None
            and clock.may_echo(name, values)
            and clock.echoes(name, _column(table, name))
        ):
            found.append(name)
    return found


def _column(table: Dataset, name: str) -> np.ndarray:
    return np.asarray(_cells(table, name).to_numpy())


def _cells(table: Dataset, name: str) -> pa.ChunkedArray:
    return narrowed(table, [name]).with_format("arrow")[:][name]


def _kind(feature: object) -> str:
    dtype = getattr(feature, "dtype", None) or str(feature)
    return "text" if "string" in dtype else dtype


def _chunks(table: Dataset, channels: tuple[str, ...]) -> Iterator[tuple[int, np.ndarray]]:
    """Yield first row and float64 values ``(B, N)`` of every chunk; missing and infinite ones are NaN."""
    for start, rows in _arrow_chunks(table, list(channels)):
        values = np.empty((len(rows), len(channels)))
        for place, name in enumerate(channels):
            values[:, place] = rows[name].cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
        values[~np.isfinite(values)] = np.nan
        beyond = np.argwhere(np.abs(values) > LARGEST)
        if len(beyond):
            row, place = beyond[0]
            raise UserError(
                f"row {start + row} of column {channels[place]!r} holds {values[row, place]:g}, which is beyond "
                f"{LARGEST:g}: mend the value, or choose others with --data.columns"
            )
        yield start, values


def _arrow_chunks(table: Dataset, columns: list[str]) -> Iterator[tuple[int, pa.Table]]:
    arrow = narrowed(table, columns).with_format("arrow")
    size = max(1, _NUMBERS // len(columns))
    return zip(range(0, len(table), size), arrow.iter(batch_size=size), strict=True)


def measure(table: Dataset, channels: tuple[str, ...], train_rows: int) -> Statistics:
    """Read the rows once for statistics of the training rows and missing values of all.

    Raises:
        UserError: A channel has no value in the training rows, or none changes there.
    """
    size = len(channels)
    shift = np.full(size, np.nan)
    total, square, count = np.zeros(size), np.zeros(size), np.zeros(size, np.int64)
    missing, first_missing = np.zeros(size, np.int64), np.full(size, -1)
    marks = np.zeros((len(_MARKS), size), np.int64)
    for start, values in _chunks(table, channels):
        marks += [(values == mark).sum(0) for mark in _MARKS]
        gone = np.isnan(values)
        missing += gone.sum(0)
        new = gone.any(0) & (first_missing < 0)
        first_missing[new] = start + gone.argmax(0)[new]
        train, known = values[: max(0, train_rows - start)], ~gone[: max(0, train_rows - start)]
        fresh = np.isnan(shift) & known.any(0)
        if len(train):
            # Differences from the first value: exact for a constant channel, and no cancellation for a large mean.
            shift[fresh] = train[known.argmax(0), np.arange(size)][fresh]
            rest = np.where(known, train - shift, 0.0)
            total, square, count = total + rest.sum(0), square + np.square(rest).sum(0), count + known.sum(0)
    for place, mark in zip(*marks.nonzero(), strict=True):
        logger.warning(
            "column %r holds %g in %d rows, which often stands for a missing value and is read as a number: leave such "
            "cells empty if it does",
            channels[mark],
            _MARKS[place],
            marks[place, mark],
        )
    for name, seen in zip(channels, count, strict=True):
        if not seen:
            raise UserError(
                f"column {name!r} has no value in all {train_rows} training rows: leave it out with --data.columns"
            )
    mean = total / count
    std = np.sqrt(np.maximum(square / count - np.square(mean), 0))
    # A channel that flickers in the last digit of its type is constant too.
    spread = np.sqrt(square / count)
    constant = spread <= [np.finfo(kind).eps * abs(at) for kind, at in zip(_types(table, channels), shift, strict=True)]
    if constant.all():
        raise UserError(
            f"{', '.join(channels[:8])}: no channel changes in the training rows, so that there is nothing to forecast"
        )
    if constant.any():
        names = ", ".join(name for name, flat in zip(channels, constant, strict=True) if flat)
        logger.warning("channels that are constant in the training rows are divided by 1 instead of 0: %s", names)
    return Statistics(mean + shift, np.where(constant, 1.0, std), missing, first_missing)


def _types(table: Dataset, channels: tuple[str, ...]) -> list[Any]:
    """Return the floating-point types of channels; whole numbers have steps of one and are taken as precise."""
    features = table.features  # a copy, made anew at every access
    dtypes = [getattr(features[name], "dtype", "") for name in channels]
    return [np.dtype(dtype) if dtype in ("float16", "float32") else np.float64 for dtype in dtypes]


def check_missing(statistics: Statistics, channels: tuple[str, ...], missing: Missing) -> None:
    """Refuse missing values where they are an error, and log them where they are filled.

    Raises:
        UserError: There are some; the message names column, row, count and option.
    """
    if not statistics.missing.any():
        return
    worst = int(statistics.missing.argmax())
    what = (
        f"column {channels[worst]!r} has {statistics.missing[worst]} missing (or infinite) values, the first in row "
        f"{statistics.first_missing[worst]}"
    )
    if (others := int((statistics.missing > 0).sum()) - 1) > 0:
        what += f"; so have {others} other columns"
    if missing == "error":
        raise UserError(
            f"{what}: fill them with --data.missing=ffill or interpolate, or choose others with --data.columns"
        )
    logger.warning("%s: filled by %s", what, missing)


def read_normalized(
    table: Dataset, channels: tuple[str, ...], statistics: Statistics, missing: Missing, memory_gib: float
) -> Tensor:
    """Return the normalised series, float32 ``(T, N)``; what exceeds ``memory_gib`` is mapped from a temporary file."""
    out = _allocate((len(table), len(channels)), memory_gib)
    for start, values in _chunks(table, channels):
        normal = (values - statistics.mean) / statistics.std
        out[start : start + len(values)] = torch.from_numpy(normal)
    for place in np.flatnonzero(statistics.missing):
        out[:, place] = torch.from_numpy(fill(out[:, place].numpy(), missing))
    return out


def _allocate(shape: tuple[int, int], memory_gib: float) -> Tensor:
    if math.prod(shape) * 4 <= memory_gib * 2**30:
        return torch.empty(shape)
    # The file's name goes at once; its pages stay until the tensor does, and the system may write them back.
    with tempfile.TemporaryDirectory(prefix="hf_distill_") as folder:
        return torch.from_file(str(Path(folder) / "series"), shared=True, size=math.prod(shape)).view(shape)


def fill(values: np.ndarray, missing: Missing) -> np.ndarray:
    """Fill the NaNs of one channel ``(T,)``: with the last value before or by a line between neighbours.

    Before the first value its own stands in, after the last one the last.
    """
    known = np.flatnonzero(~np.isnan(values))
    if missing == "interpolate":
        return np.interp(np.arange(len(values)), known, values[known]).astype(values.dtype)
    last = np.searchsorted(known, np.arange(len(values)), side="right") - 1
    return values[known[np.maximum(last, 0)]]
