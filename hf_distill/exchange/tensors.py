"""Tensors from a stranger's ``.pt`` and ``.npz`` files: nothing in them is run."""

from __future__ import annotations

import pickle
import re
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from hf_distill.errors import UserError
from hf_distill.exchange.pickled_arrays import STAND_INS, Stored, tensor_of
from hf_distill.text import printable, shorten

# What a file may unfold to: 8 GiB, more than any distilled set.
_MOST_BYTES = 2**33
# What torch raises on a file that is none of its own.
_BROKEN = (pickle.UnpicklingError, RuntimeError, ValueError, EOFError, AttributeError, LookupError, TypeError)
_WANTED = re.compile(r"(?:GLOBAL|unsupported class|unrecognized function) ([\w.]*\w)(?=\s)")


def read_torch(path: Path) -> Any:
    """Return what ``torch.save`` wrote: tensors, arrays, numbers, texts, and lists and dictionaries of them.

    Raises:
        UserError: It holds anything else, which is named and not run, or is no such file.
    """
    try:
        # Torch once wrote archives of tar's, which hold no folders.
        if tarfile.is_tarfile(path):
            raise UserError(f"{path.name} is an archive: unpack it, and name the folder or the file that was in it")
        if zipfile.is_zipfile(path):
            _check_size(path)
        with torch.serialization.safe_globals(STAND_INS):
            return torch.load(path, map_location="cpu", weights_only=True)
    except _BROKEN as error:
        if isinstance(error, UserError):
            raise
        wanted = _WANTED.search(str(error))
        if wanted:
            raise UserError(
                f"{path.name} is not read: it wants to run {wanted[1]}, and nothing but tensors is taken; save its "
                "images and labels alone with torch.save"
            ) from error
        raise UserError(f"{path.name} is no file of tensors that torch can read ({_reason(str(error))})") from error


def _reason(said: str) -> str:
    said = said.rpartition("WeightsUnpickler error: ")[2]
    if "GLOBAL" in said or not said:
        return "it ends too early"
    if "Unsupported operand" in said:
        return "it is no pickle of protocol 2, in which torch.save writes"
    return shorten(printable(said), 80)


def read_npz(path: Path) -> dict[str, Tensor | list[str]]:
    """Return the arrays of numbers and of texts in an ``.npz`` file by name.

    Raises:
        UserError: It is no such file, holds pickles, or unfolds to more than 8 GiB.
    """
    try:
        _check_size(path)
        with np.load(path, allow_pickle=False) as arrays:
            read = {name: _numbers_or_texts(arrays, name, path) for name in arrays.files}
    except (OSError, ValueError, EOFError, MemoryError, zipfile.BadZipFile) as error:
        if isinstance(error, UserError):
            raise
        raise UserError(f"{path.name} is no .npz file ({shorten(printable(str(error)), 80)})") from error
    found = {name: values for name, values in read.items() if values is not None}
    if not found:
        raise UserError(f"{path.name} holds no arrays of numbers")
    return found


def _numbers_or_texts(arrays: Any, name: str, path: Path) -> Tensor | list[str] | None:
    try:
        values = arrays[name]
    except ValueError as error:
        if "allow_pickle" not in str(error):
            raise
        raise UserError(
            f"{path.name} is not read: its array {name!r} is pickled, which could run anything; save images and labels "
            "as numbers with numpy.savez"
        ) from error
    if not isinstance(values, np.ndarray) or values.dtype.kind not in "fiubUS":
        return None
    return [str(text) for text in values.astype(str).ravel()] if values.dtype.kind in "US" else tensor_of(values)


def _check_size(path: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        if sum(entry.file_size for entry in archive.infolist()) > _MOST_BYTES:
            raise UserError(f"{path.name} unfolds to more than {_MOST_BYTES // 2**30} GiB: it is not read")


def one_tensor(value: object) -> Tensor | None:
    """Return a tensor, an array, or a list of them or of numbers as one tensor; None of anything else.

    Blocks of images ``(n, C, H, W)`` and of numbers of classes ``(n,)`` are put after each other, others are stacked.
    """
    if isinstance(value, Stored):
        value = value.values
    if isinstance(value, Tensor):
        return value.detach()
    if not isinstance(value, (list, tuple)) or not value:
        return None
    if all(isinstance(each, (int, float)) for each in value):
        return torch.tensor(value)
    parts = [each.values if isinstance(each, Stored) else each for each in value]
    tensors = [each.detach() for each in parts if isinstance(each, Tensor)]
    first = tensors[0] if tensors else None
    if first is None or len(tensors) < len(parts) or any(each.shape[1:] != first.shape[1:] for each in tensors):
        return None
    if first.dim() == 4 or (first.dim() == 1 and not first.is_floating_point()):
        return torch.cat(tensors)
    return torch.stack(tensors) if all(each.shape == first.shape for each in tensors) else None


def check_numbers(values: Tensor, what: str) -> None:
    """Refuse tensors that are not finite or could not be held.

    Raises:
        UserError: The message says which.
    """
    if values.layout != torch.strided or values.is_meta or values.is_quantized or values.is_complex():
        kind = "without values" if values.is_meta else f"of {values.dtype} and {values.layout}"
        raise UserError(f"{what} are {kind}: save them as plain numbers")
    if values.numel() * 4 > _MOST_BYTES:
        raise UserError(f"{what} are {tuple(values.shape)}, more than {_MOST_BYTES // 2**30} GiB: they are not read")
    if bad := int((~values.isfinite()).sum()):
        raise UserError(f"{bad} of the {values.numel():,} values of {what} are not finite")
