"""as_data: a path, a dataset, a frame or arrays as data that are ready to be distilled."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from datasets import Dataset

from hf_distill.cli.automatic import HELD_OUT, opened
from hf_distill.data.base import Data
from hf_distill.data.guessing import fitting, holds_series
from hf_distill.data.held import held_splits, holds_values
from hf_distill.data.real import RealData
from hf_distill.data.series import SeriesData
from hf_distill.data.sources import chosen_splits


def as_data(data: Any) -> Data:
    """Return data as a part that is set up, with rows to measure on: ``RealData``, or ``SeriesData`` of a series.

    Args:
        data: A :class:`Data`; a path, a built-in name or a Hub id; or what :class:`RealData` takes: a ``Dataset`` or
            ``DatasetDict``, a ``DataFrame``, arrays ``(X, y)``. A fifth of the rows is held out where nothing is there
            to measure on.

    Raises:
        UserError: It is none of these, or cannot be read.

    Examples:
        >>> from hf_distill import as_data
        >>> from sklearn.datasets import load_iris
        >>> real = as_data(load_iris(return_X_y=True))
        >>> len(real.train), len(real.test)
        (120, 30)
    """
    if isinstance(data, Data):
        return data.setup()
    if isinstance(data, (str, Path)):
        return opened([f"--data.path={data}"])[0]
    splits = held_splits(data)
    train, test, _ = chosen_splits(splits, "train" if "train" in splits else next(iter(splits)), None)
    if test is None and isinstance(train, Dataset) and holds_series(train):
        return fitting(partial(SeriesData.from_dataset, train))
    options: dict[str, Any] = {"target": "values"} if holds_values(data) else {}
    if test is None and isinstance(train, Dataset):
        options["test_fraction"] = HELD_OUT
    return RealData.from_dataset(train, test, **options).setup()
