"""What people hold in their hands as data, as splits: datasets, frames, arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from datasets import Dataset, DatasetDict, Features, Image, IterableDataset, IterableDatasetDict, List, Value
from PIL import Image as PILImage

from hf_distill.errors import UserError


def held_splits(data: Any) -> dict[str, Any]:
    """Return splits by their names; the only one of a table is ``train``.

    Args:
        data: A ``Dataset`` or ``DatasetDict``, streamed or not; a ``DataFrame``; or arrays ``(X, y)``: vectors
            ``(N, D)`` or images ``(N, H, W)`` and ``(N, H, W, 3)`` of 8 bits, and classes or real numbers ``(N,)``.

    Raises:
        UserError: It is none of these.
    """
    if isinstance(data, (DatasetDict, IterableDatasetDict)):
        return dict(data)
    if isinstance(data, (Dataset, IterableDataset)):
        return {"train": data}
    if isinstance(data, pd.DataFrame):
        return {"train": Dataset.from_pandas(data, preserve_index=False)}
    if isinstance(data, tuple) and len(data) == 2:
        return {"train": _of_arrays(np.asarray(data[0]), np.asarray(data[1]))}
    raise UserError(
        f"data is a {type(data).__name__}; it must be a path, a Hub id, a Dataset, a DatasetDict, a DataFrame, arrays "
        "(X, y), or RealData or SeriesData"
    )


def holds_values(data: Any) -> bool:
    """Whether data are arrays whose targets are real numbers, which few rows may share with classes."""
    return isinstance(data, tuple) and len(data) == 2 and np.asarray(data[1]).dtype.kind == "f"


def _of_arrays(x: np.ndarray, y: np.ndarray) -> Dataset:
    if len(x) != len(y) or x.ndim not in (2, 3, 4) or y.ndim != 1:
        raise UserError(f"X has the shape {x.shape} and y {y.shape}; they must be (N, ...) and (N,)")
    labels = Value("float64" if y.dtype.kind == "f" else "string" if y.dtype.kind in "US" else "int64")
    if x.ndim == 2:
        inputs, feature = x.astype(np.float32).tolist(), List(Value("float32"))
    elif x.dtype == np.uint8:
        inputs, feature = [PILImage.fromarray(image) for image in x], Image()
    else:
        raise UserError(f"images X are of type {x.dtype}; they must be uint8, 0 to 255")
    name = "features" if x.ndim == 2 else "image"
    return Dataset.from_dict({name: inputs, "label": y.tolist()}, features=Features({name: feature, "label": labels}))
