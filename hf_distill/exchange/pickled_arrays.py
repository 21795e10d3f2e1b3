"""Arrays and numbers of numpy's in a ``.pt`` file, read from their bytes: the file calls nothing of numpy's."""

from __future__ import annotations

import re
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

# Plain numbers, as numpy names them in a pickle: kind and bytes.
_PLAIN = re.compile(r"b1|[iu][1248]|f[248]")


def tensor_of(array: np.ndarray) -> Tensor:
    """Return a copy of an array of numbers, in this machine's order of bytes and in a type that torch computes with."""
    kind, size = array.dtype.kind, array.dtype.itemsize
    wide = "i8" if kind == "u" and size > 1 else "f8" if kind == "f" and size > 8 else array.dtype.newbyteorder("=")
    return torch.from_numpy(np.array(array, wide, order="C"))


class _DType:
    """Stands for ``numpy.dtype``."""

    def __init__(self, name: object = "", *arguments: object) -> None:
        self.name = name if isinstance(name, str) and _PLAIN.fullmatch(name) else ""
        self.order: Literal[">", "="] = "="

    def __setstate__(self, state: Any) -> None:
        self.order = ">" if isinstance(state, tuple) and len(state) > 1 and state[1] == ">" else "="


class Stored:
    """Stands for an array, or a number.

    Attributes:
        values: What it holds; None where that is not plain numbers.
    """

    values: Tensor | None = None

    def __init__(self, *arguments: object) -> None:
        # A number comes with type and bytes; of an array both follow as its state.
        if len(arguments) == 2:
            self.values = _read((), *arguments)

    def __setstate__(self, state: Any) -> None:
        _, shape, dtype, columns_first, data = state
        self.values = _read(shape, dtype, data, "F" if columns_first else "C")


def _read(shape: Any, dtype: object, data: object, order: Any = "C") -> Tensor | None:
    if not isinstance(dtype, _DType) or not dtype.name or not isinstance(data, bytes):
        return None
    return tensor_of(np.frombuffer(data, np.dtype(dtype.name).newbyteorder(dtype.order)).reshape(shape, order=order))


def _named(module: str, name: str, base: type) -> type:
    return type(name, (base,), {"__module__": module, "__qualname__": name})


#: What torch's reader takes for the names that numpy has in a file; it looks these up by module and name.
STAND_INS: list[Any] = [
    *(
        _named(f"numpy.{core}.multiarray", name, Stored)
        for core in ("core", "_core")
        for name in ("_reconstruct", "scalar")
    ),
    _named("numpy", "ndarray", Stored),
    _named("numpy", "dtype", _DType),
    *(_named("numpy.dtypes", f"{name}DType", _DType) for name in ("Float64", "Float32", "Int64", "Int32")),
]
