"""Features of all rows in a file: found in one pass, shared by processes and kept for the next run."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import torch
from torch import Tensor

from hf_distill import __version__
from hf_distill.ranks import ALONE, Ranks

#: Rows of a block.
BLOCK = 4096


def stored(
    blocks: Callable[[], Iterator[tuple[int, Tensor]]], rows: int, about: Any, keep: bool, ranks: Ranks = ALONE
) -> Tensor:
    """Return the features of all rows, ``(rows, F)``, mapped from a file below datasets' cache folder.

    Where the file is there they are not made again. Of several processes each writes its share.

    Args:
        blocks: Yields the features of this process's rows, block by block, with the number of the first row.
        rows: How many there are.
        about: What decides the features, as JSON: rows, configuration, weights of models.
        keep: Keep the file; else it goes with the process.
        ranks: The processes that share the work, all on one machine.

    Raises:
        OSError: The disk is full.
    """
    folder = Path(datasets.config.HF_DATASETS_CACHE) / "hf_distill_features"
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps([about, __version__, torch.__version__], sort_keys=True)
    path = folder / f"{hashlib.sha256(text.encode()).hexdigest()[:32]}.npy"
    known, partial = ranks.from_first((keep and path.exists(), folder / f"{secrets.token_hex(8)}.partial"))
    if known:
        return _mapped(path)
    try:
        _fill(partial, blocks(), rows, ranks)
        ranks.gathered(None)  # all have written
        found = _mapped(partial)
        ranks.gathered(None)  # all have opened it
        if keep and ranks.is_first:
            partial.replace(path)
    finally:
        if ranks.is_first:
            partial.unlink(missing_ok=True)  # what is mapped stays until it is let go
    return found


def _fill(path: Path, blocks: Iterator[tuple[int, Tensor]], rows: int, ranks: Ranks) -> None:
    """Write a process's share; the first process makes the file."""
    place, seen = next(blocks, (0, None))
    if ranks.is_first:
        assert seen is not None
        np.lib.format.open_memmap(path, "w+", np.float32, (rows, seen.shape[1]))
    ranks.gathered(None)
    table = np.lib.format.open_memmap(path, "r+")
    while seen is not None:
        table[place : place + len(seen)] = seen.cpu().numpy()
        place, seen = next(blocks, (0, None))
    table.flush()


def _mapped(path: Path) -> Tensor:
    # Copy on write: torch knows no tensors that are read alone.
    return torch.from_numpy(np.load(path, mmap_mode="c"))
