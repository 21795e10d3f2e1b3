"""What a source is: samples with classes, or a series."""

from __future__ import annotations

from typing import Any

from datasets import ClassLabel, Dataset

from hf_distill.data.clock_finding import find_clock
from hf_distill.data.columns import LABEL_NAMES, is_number
from hf_distill.data.real import RealData
from hf_distill.data.series import SeriesData
from hf_distill.data.sources import open_splits
from hf_distill.errors import UserError


def is_series(data: RealData) -> bool:
    """Whether a source holds a series: numbers and a time that moves on, and no class.

    Raises:
        UserError: It cannot be opened.
    """
    if data.streaming or data.input_column or data.label_column or data.transform or data.image_size:
        return False
    splits, _ = open_splits(data.path, data.name, data.revision, False, data.separator, data.decimal)
    table = splits.get(data.split) or next(iter(splits.values()))
    if not isinstance(table, Dataset) or not len(table):
        return False
    features = table.features
    if any(isinstance(kind, ClassLabel) or name.lower() in LABEL_NAMES for name, kind in features.items()):
        return False
    if not any(is_number(kind) for kind in features.values()):
        return False
    try:
        return find_clock(table, None, None, ()) is not None
    except UserError:
        return False


def as_series(data: RealData) -> SeriesData:
    """Return the series of the same source, with the options that both have."""
    shared: dict[str, Any] = {
        name: getattr(data, name)
        for name in ("path", "name", "revision", "split", "test_fraction", "separator", "decimal", "memory_gib")
    }
    return SeriesData(**shared)
