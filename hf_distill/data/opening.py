"""From the options of some data to what reads them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import torch

from hf_distill.data.kinds.table import kinds
from hf_distill.data.reader import Reader

if TYPE_CHECKING:
    from hf_distill.data.real import RealData


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
