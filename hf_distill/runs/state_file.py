"""Files of a run's state: tensors and plain values, written whole, and read only as they were written."""

from __future__ import annotations

import hashlib
import io
import re
from pathlib import Path
from typing import Any

import torch

from hf_distill.errors import UserError
from hf_distill.files import write_atomically

_VERSION = 1
_HEADER = re.compile(rb"hf_distill state (\d{1,9}) (\d{1,18}) ([0-9a-f]{64})\n")
_LONGEST = 128


def write_state(path: Path, value: Any) -> None:
    """Write tensors and plain values behind a line with version, length and SHA-256 of what follows.

    Raises:
        OSError: The file system refused; what was there before is whole.
    """
    # In memory first: torch turns a full disk into a RuntimeError of its own.
    buffer = io.BytesIO()
    torch.save(value, buffer)
    data = buffer.getbuffer()
    header = f"hf_distill state {_VERSION} {len(data)} {hashlib.sha256(data).hexdigest()}\n"
    write_atomically(path, b"".join((header.encode(), data)))


def read_state(path: Path, what: str, remedy: str) -> Any:
    """Return what :func:`write_state` wrote.

    Args:
        path: The file.
        what: What it is, for the message: ``the checkpoint``.
        remedy: What to do where it cannot be read, the end of the message.

    Raises:
        UserError: It is cut off, changed, of another version or something else.
    """
    try:
        with open(path, "rb") as file:
            header = _HEADER.match(file.read(_LONGEST))
            if header is None or int(header[1]) < _VERSION:
                raise _refusal(path, what, "it begins as none, or as one of an older version", remedy)
            if int(header[1]) > _VERSION:
                raise _refusal(path, what, "it is from a newer hf_distill", "pip install -U hf-distill")
            # Before it is read: a file of any size may stand there.
            size = path.stat().st_size - header.end()
            if size != int(header[2]):
                raise _refusal(path, what, f"it is damaged, {size} bytes and not {int(header[2])}", remedy)
            file.seek(header.end())
            data = file.read()
    except OSError as error:
        raise _refusal(path, what, error.strerror or str(error), remedy) from error
    if hashlib.sha256(data).hexdigest() != header[3].decode():
        raise _refusal(path, what, "it is damaged, other bytes than those that were written", remedy)
    try:
        return torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except Exception as error:  # of bytes that torch did not write, it raises errors of every kind
        raise _refusal(path, what, type(error).__name__, remedy) from error


def _refusal(path: Path, what: str, reason: str, remedy: str) -> UserError:
    return UserError(f"cannot read {what} {path} ({reason}): {remedy}")
