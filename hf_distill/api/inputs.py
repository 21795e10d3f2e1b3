"""What people hold in their hands as data: datasets, frames, arrays, paths."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from datasets import Dataset, DatasetDict, Features, Image, List, Value
from PIL import Image as PILImage

from hf_distill.cli.automatic import HELD_OUT, opened
from hf_distill.data.base import Data
from hf_distill.data.guessing import fitting, holds_series
from hf_distill.data.real import RealData
from hf_distill.data.series import SeriesData
from hf_distill.errors import UserError

_TESTS = ("test", "validation", "valid", "val", "dev")


def as_data(data: Any) -> Data:
    """Return data as a part that is set up, with rows to measure on.

    Args:
        data: A :class:`Data`; a path, a built-in name or a Hub id; a ``Dataset`` or ``DatasetDict``; a ``DataFrame``;
            or arrays ``(X, y)``: vectors ``(N, D)`` or images ``(N, H, W)`` and ``(N, H, W, 3)`` of 8 bits, and classes
            or real numbers ``(N,)``. A fifth of the rows is held out where nothing is there to measure on.

    Raises:
        UserError: It is none of these, or cannot be read.
    """
    if isinstance(data, Data):
        return data.setup()
    if isinstance(data, (str, Path)):
        return opened([f"--data.path={data}"])[0]
    if isinstance(data, DatasetDict):
        train = "train" if "train" in data else next(iter(data))
        test = next((data[name] for name in _TESTS if name in data and name != train), None)
        return _tables(data[train], test)
    if isinstance(data, pd.DataFrame):
        return _tables(Dataset.from_pandas(data, preserve_index=False))
    if isinstance(data, tuple) and len(data) == 2:
        return _arrays(np.asarray(data[0]), np.asarray(data[1]))
    if isinstance(data, Dataset):
        return _tables(data)
    raise UserError(
        f"data is a {type(data).__name__}; it must be a path, a Hub id, a Dataset, a DatasetDict, a DataFrame, arrays "
        "(X, y), or RealData or SeriesData"
    )


def _tables(train: Dataset, test: Dataset | None = None, **options: Any) -> Data:
    if test is None and holds_series(train):
        return fitting(partial(SeriesData.from_dataset, train))
    if test is None:
        options["test_fraction"] = HELD_OUT
    return RealData.from_dataset(train, test, **options).setup()


def _arrays(x: np.ndarray, y: np.ndarray) -> Data:
    if len(x) != len(y) or x.ndim not in (2, 3, 4) or y.ndim != 1:
        raise UserError(f"X has the shape {x.shape} and y {y.shape}; they must be (N, ...) and (N,)")
    real = y.dtype.kind == "f"
    labels = Value("float64" if real else "string" if y.dtype.kind in "US" else "int64")
    if x.ndim == 2:
        inputs, feature = x.astype(np.float32).tolist(), List(Value("float32"))
    elif x.dtype == np.uint8:
        inputs, feature = [PILImage.fromarray(image) for image in x], Image()
    else:
        raise UserError(f"images X are of type {x.dtype}; they must be uint8, 0 to 255")
    name = "features" if x.ndim == 2 else "image"
    table = {name: inputs, "label": y.tolist()}
    features = Features({name: feature, "label": labels})
    return _tables(Dataset.from_dict(table, features=features), **({"target": "values"} if real else {}))
