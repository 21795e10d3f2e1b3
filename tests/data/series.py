"""Small tables of a series."""

from __future__ import annotations

import datetime

import numpy as np
from datasets import Dataset

from hf_distill.data.series import SeriesData

ROWS = 40
HOUR = datetime.timedelta(hours=1)
START = datetime.datetime(2024, 2, 28, 22)
SMALL = {"lookback": 4, "horizon": 2}


def columns(rows: int = ROWS) -> dict:
    t = np.arange(rows, dtype=np.float64)
    return {"b": (3 * t).tolist(), "a": (10 - t).tolist()}


def dates(rows: int = ROWS, form: str = "%Y-%m-%d %H:%M:%S") -> list[str]:
    return [(START + i * HOUR).strftime(form) for i in range(rows)]


def data(values: dict, **options) -> SeriesData:
    return SeriesData.from_dataset(Dataset.from_dict(values), **{**SMALL, **options})
