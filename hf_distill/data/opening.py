"""From the options of some data to what reads them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from datasets import Dataset, IterableDataset

from hf_distill.data.imbalance import thinned
from hf_distill.data.kinds.table import kinds
from hf_distill.data.preparing import divided
from hf_distill.data.reader import Reader
from hf_distill.data.sources import open_source

if TYPE_CHECKING:
    from hf_distill.data.real import RealData
    from hf_distill.data.rows import RowsData


_NAMES = ("path", "name", "revision", "split", "separator", "decimal")


def place_of(data: Any) -> dict[str, Any]:
    """Return the options of some data that say where it is read from."""
    return {name: getattr(data, name) for name in _NAMES}


def given_source(data: Any) -> dict[str, Any]:
    """Return what is known of data that were open already."""
    return {"path": data.path, "name": None, "split": data.split}


def splits_of(data: RealData, given: tuple[Any, Any] | None) -> tuple[Any, Any, dict[str, Any]]:
    """Return the splits of some data, the second None where there is none, and what the specification says of them.

    Args:
        data: Whose options they are.
        given: The splits where they are open already.
    """
    if given is not None:
        return (*given, {**given_source(data), "test_split": data.test_split})
    return open_source(**place_of(data), test_split=data.test_split, streaming=data.streaming)


def parted(
    data: RealData, splits: tuple[Any, Any], reader: Reader, source: dict[str, Any], *, named: bool
) -> tuple[Any, Any]:
    """Return the rows to distill, after ``imbalance_factor``, and those to measure on, held out where none are.

    Args:
        data: Whose options they are.
        splits: The training split and that to measure on, None where there is none.
        reader: What reads them.
        source: What the specification will say of the source, where both are noted.
        named: The user gave the splits themselves.

    Raises:
        UserError: Rows cannot be held out or left out.
    """
    train, test = splits
    if test is not None or data.test_fraction is not None:
        named = named or data.test_split is not None
        train, test = divided(train, test, reader.columns(train), data.test_fraction, source, named)
    if data.imbalance_factor is not None:
        train = thinned(train, reader.columns(train), data.imbalance_factor, source)
    return train, test


def opened(data: RowsData, given: Dataset | IterableDataset | None) -> tuple[Any, dict[str, Any]]:
    """Return the rows of a split, and what is known of them; see :func:`splits_of`."""
    table, source = given, given_source(data)
    if table is None:
        table, _, source = open_source(**place_of(data), streaming=data.streaming)
    return table, {**source, "test_split": None, "fingerprint": getattr(table, "_fingerprint", None)}


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
