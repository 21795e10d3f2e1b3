"""From the options of some data to what reads them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from hf_distill.data.kinds.table import kinds
from hf_distill.data.reader import Reader
from hf_distill.data.sources import open_source

if TYPE_CHECKING:
    from hf_distill.data.real import RealData


def splits_of(data: RealData, given: tuple[Any, Any] | None) -> tuple[Any, Any, dict[str, Any]]:
    """Return the splits of some data, the second None where there is none, and what the specification says of them.

    Args:
        data: Whose options they are.
        given: The splits where they are open already.
    """
    if given is not None:
        about = {"path": data.path, "name": None, "split": data.split, "test_split": data.test_split}
        return (*given, about)
    return open_source(
        path=data.path,
        name=data.name,
        revision=data.revision,
        split=data.split,
        test_split=data.test_split,
        streaming=data.streaming,
        separator=data.separator,
        decimal=data.decimal,
    )


def reader_of(data: RealData, device: torch.device, local: Path | None) -> Reader:
    """Return what reads the splits of some data.

    Args:
        data: Whose options they are.
        device: Where samples go.
        local: The local folder or file that holds the data, where there is one.
    """
    return Reader(
        path=data.path,
        split=data.split,
        input_column=data.input_column,
        label_column=data.label_column,
        options={name: getattr(data, name) for kind in kinds() for name in kind.options},
        target=data.target,
        storage=data.storage,
        memory_gib=data.memory_gib,
        workers=data.workers,
        buffer=data.buffer,
        device=device,
        base=local if local is None or local.is_dir() else local.parent,
    )
