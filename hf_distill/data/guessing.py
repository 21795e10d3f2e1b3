"""What a source is of which nothing is said: samples with classes, or a series; and whether it can be measured on."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from functools import partial
from typing import Any

from datasets import ClassLabel, Dataset

from hf_distill.data.base import Data
from hf_distill.data.clock_finding import find_clock
from hf_distill.data.columns import LABEL_NAMES, is_number
from hf_distill.data.real import RealData
from hf_distill.data.series import SeriesData
from hf_distill.data.sources import open_splits
from hf_distill.errors import UserError

# Time steps of look-back and horizon.
_WINDOWS = (96, 48, 24, 12)


def is_series(data: Data) -> bool:
    """Whether the source of samples holds a series: numbers and a time that moves on, and no class.

    Raises:
        UserError: It cannot be opened.
    """
    if (
        not isinstance(data, RealData)
        or data.streaming
        or data.input_column
        or data.label_column
        or data.transform
        or data.image_size
    ):
        return False
    splits, _ = open_splits(data.path, data.name, data.revision, False, data.separator, data.decimal)
    table = splits.get(data.split) or next(iter(splits.values()))
    return isinstance(table, Dataset) and holds_series(table)


def holds_series(table: Dataset) -> bool:
    """Whether a table holds a series: numbers and a time that moves on, and no class."""
    if not len(table):
        return False
    features = table.features
    # Beside a time alone even what is called y labels nothing.
    alone = len(features) == 2
    named = any(name.lower() in LABEL_NAMES for name in features) and not alone
    if named or any(isinstance(kind, ClassLabel) for kind in features.values()):
        return False
    if not any(is_number(kind) for kind in features.values()):
        return False
    try:
        return find_clock(table, None, None, ()) is not None
    except UserError:
        return False


def as_series(data: Data) -> SeriesData:
    """Return the series of the same source, set up, with the options that both have."""
    shared: dict[str, Any] = {
        name: getattr(data, name)
        for name in ("path", "name", "revision", "split", "test_fraction", "separator", "decimal", "memory_gib")
    }
    return fitting(partial(SeriesData, **shared))


def fitting(make: Callable[..., SeriesData]) -> SeriesData:
    """Return a series that is set up, with the longest of the usual windows that its parts hold.

    Raises:
        UserError: They hold none.
    """
    for window in _WINDOWS[:-1]:
        with contextlib.suppress(UserError):
            return make(lookback=window, horizon=window).setup()
    return make(lookback=_WINDOWS[-1], horizon=_WINDOWS[-1]).setup()


def lacks_test(data: Data) -> bool:
    """Whether data that are set up have no rows to measure on, and could hold some out."""
    return isinstance(data, RealData) and not data.has_test and not data.is_stream
