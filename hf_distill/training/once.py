"""What has been trained on each dataset, so that nothing is trained twice in a process."""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

from hf_distill.data.base import Data

_TRAINED: WeakKeyDictionary[Data[Any], dict[str, Any]] = WeakKeyDictionary()


def trained_for(real: Data[Any]) -> dict[str, Any]:
    """Return what has been trained on some data, for as long as these are in use, by its description as text.

    Whoever trains something more adds it. It belongs to all: train a copy on.
    """
    return _TRAINED.setdefault(real, {})
