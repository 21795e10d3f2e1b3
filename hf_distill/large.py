"""Tensors as large as a set: what is made of them is made some rows at a time, and their room is a file's."""

from __future__ import annotations

import math
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor

#: Bytes from which on a tensor is a file's, and of the rows that are worked on at a time.
LARGE = 2**24


def room(*shape: int, like: Tensor) -> Tensor:
    """Return a tensor of some shape, not filled, of the type and on the device of another one.

    From :data:`LARGE` bytes on it is a temporary file that is mapped into memory: the system writes out and takes back
    what nobody looks at. The file has no name, goes with the tensor, and lies in the folder that ``TMPDIR`` names.

    Raises:
        OSError: The disk is full.
    """
    size = math.prod(shape) * like.element_size()
    if size < LARGE or like.device.type != "cpu":
        return like.new_empty(shape)
    kind = like.new_empty(0).numpy().dtype
    with tempfile.TemporaryFile() as file:
        if hasattr(os, "posix_fallocate"):  # else a full disk would end the process when a page is written
            os.posix_fallocate(file.fileno(), 0, size)
        return torch.from_numpy(np.memmap(file, kind, "r+", shape=shape))


def table_room(batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> pa.Table:
    """Return a table of batches that come one after another; its room is a temporary file, as that of :func:`room`."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        path = str(Path(folder) / "table.arrow")
        with pa.OSFile(path, "wb") as file, pa.ipc.new_file(file, schema) as writer:
            for batch in batches:
                writer.write_batch(batch)
        return pa.ipc.open_file(pa.memory_map(path)).read_all()


def slices(x: Tensor | np.ndarray) -> Iterator[slice]:
    """Yield which rows of a tensor are worked on at a time: as many as :data:`LARGE` holds; one slice at least."""
    return spans(len(x), max(1, LARGE // max(1, x[:1].nbytes)))


def spans(count: int, step: int) -> Iterator[slice]:
    """Yield so many of some rows at a time; one slice at least."""
    for start in range(0, max(1, count), step):
        yield slice(start, min(start + step, count))


def mapped(make: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """Return ``make(x)``, which makes each row of one row, made of some rows at a time."""
    if x.nbytes < LARGE:
        return make(x)
    first = make(x[:1])
    whole = room(len(x), *first.shape[1:], like=first)
    for rows in slices(x):
        whole[rows] = make(x[rows])
    return whole
