"""Tensors from a stranger's ``.pt`` and ``.npz`` files: nothing in them is run."""

from __future__ import annotations

import pickle
import re
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from hf_distill.errors import UserError
from hf_distill.text import printable, shorten

# What a file may unfold to: 8 GiB, more than any distilled set.
_MOST_BYTES = 2**33
# What torch raises on a file that is none of its own.
_BROKEN = (pickle.UnpicklingError, RuntimeError, ValueError, EOFError, AttributeError, LookupError, TypeError)
_WANTED = re.compile(r"(?:GLOBAL|unsupported class|unrecognized function|but got) ([\w.]+)")


class _Ignored:
    """Stands for a number of numpy's, such as the accuracies that DatasetCondensation saves beside its images."""

    def __init__(self, *arguments: object) -> None:
        pass

    def __setstate__(self, state: object) -> None:
        pass


def _named(module: str, name: str) -> type[_Ignored]:
    return type(name, (_Ignored,), {"__module__": module, "__qualname__": name})


# Under these names nothing of numpy's is called: what a file says of its numbers is read as `_Ignored`.
_IGNORED: list[Any] = [
    *(_named(f"numpy.{core}.multiarray", "scalar") for core in ("core", "_core")),
    _named("numpy", "dtype"),
    *(_named("numpy.dtypes", f"{name}DType") for name in ("Float64", "Float32", "Int64", "Int32")),
]


def read_torch(path: Path) -> Any:
    """Return what ``torch.save`` wrote: tensors, numbers, texts, and lists and dictionaries of them.

    Raises:
        UserError: It holds anything else, which is named and not run, or is no such file.
    """
    try:
        with torch.serialization.safe_globals(_IGNORED):
            return torch.load(path, map_location="cpu", weights_only=True)
    except _BROKEN as error:
        wanted = _WANTED.search(str(error))
        if wanted:
            raise UserError(
                f"{path.name} is not read: it wants to run {wanted[1]}, and nothing but tensors is taken; save its "
                "images and labels alone with torch.save"
            ) from error
        reason = shorten(printable(str(error).rpartition("WeightsUnpickler error: ")[2]), 80)
        raise UserError(f"{path.name} is no file of tensors that torch can read ({reason})") from error


def read_npz(path: Path) -> dict[str, Tensor]:
    """Return the arrays of numbers in an ``.npz`` file by name; those of objects are left out.

    Raises:
        UserError: It is no such file, or unfolds to more than 8 GiB.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > _MOST_BYTES:
                raise UserError(f"{path.name} unfolds to more than {_MOST_BYTES // 2**30} GiB: it is not read")
        found = {}
        with np.load(path, allow_pickle=False) as arrays:
            for name in arrays.files:
                try:
                    values = arrays[name]
                except ValueError as error:
                    if "allow_pickle" in str(error):
                        raise UserError(
                            f"{path.name} is not read: its array {name!r} is pickled, which could run anything; save "
                            "images and labels as numbers with numpy.savez"
                        ) from error
                    raise
                if values.dtype.kind in "fiub":
                    found[name] = torch.from_numpy(np.ascontiguousarray(values.astype(values.dtype.newbyteorder("="))))
        return found
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        if isinstance(error, UserError):
            raise
        raise UserError(f"{path.name} is no .npz file ({shorten(printable(str(error)), 80)})") from error


def check_numbers(values: Tensor, what: str) -> None:
    """Refuse tensors that are not finite or could not be held.

    Raises:
        UserError: The message says which.
    """
    if values.numel() * 4 > _MOST_BYTES:
        raise UserError(f"{what} are {tuple(values.shape)}, more than {_MOST_BYTES // 2**30} GiB: they are not read")
    if bad := int((~values.isfinite()).sum()):
        raise UserError(f"{bad} of the {values.numel():,} values of {what} are not finite")
