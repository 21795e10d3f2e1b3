"""Local files and folders as sources; whatever is wrong with them is said in one line."""

from __future__ import annotations

import contextlib
import errno
import glob
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import datasets
import pyarrow as pa
from datasets import Dataset
from datasets.packaged_modules.parquet.parquet import ParquetConfig
from pyarrow.dataset import ParquetFragmentScanOptions

from hf_distill.data.csv_fault import csv_fault
from hf_distill.data.parquet_stream import parquet_streams
from hf_distill.errors import DistillError, UserError
from hf_distill.files import user_path
from hf_distill.text import printable, shorten

_FILE_LOADERS = {
    ".parquet": "parquet",
    ".csv": "csv",
    ".tsv": "csv",
    ".json": "json",
    ".jsonl": "json",
    ".arrow": "arrow",
}


def local_path(path: str) -> Path | None:
    """Return the file or folder that a source's path names, in full, or None for what can only be on the Hub.

    Raises:
        UserError: It is empty, no path at all, or can only be a path and there is nothing.
    """
    if not path.strip():
        raise UserError(f"data.path is {path!r}: name a file, a folder or a Hub id")
    local = user_path(path)
    if local.is_file() or local.is_dir():
        return local
    if path.startswith((".", "/", "~")) or path.count("/") > 1 or local.exists():
        raise UserError(f"no such file or folder: {path}")
    return None


def load_local(local: Path, path: str, name: str | None, streaming: bool) -> dict[str, Any]:
    """Open a file or a folder.

    Args:
        local: As :func:`local_path` returns it.
        path: As the user wrote it, for messages.
        name: The configuration, for folders with several.
        streaming: Return streams.

    Returns:
        The splits by their names.

    Raises:
        UserError: It cannot be read.
    """
    if local.is_file() and local.suffix not in _FILE_LOADERS:
        raise UserError(f"cannot read {path}: a data file must end in {', '.join(_FILE_LOADERS)}")
    if local.is_file() and not local.stat().st_size:
        raise UserError(f"{path} is empty: name another --data.path")
    with reading(path):
        if local.is_file():
            if local.suffix == ".arrow":
                _check_arrow(local)
            return _built(streaming, _FILE_LOADERS[local.suffix], data_files=glob.escape(str(local)))
        if (local / "dataset_dict.json").exists() or (local / "state.json").exists():
            splits = _load_saved(local)
            if not splits:
                raise UserError(f"{path} has no rows: name another --data.path")
            return {key: split.to_iterable_dataset() if streaming else split for key, split in splits.items()}
        return _built(streaming, str(local), name=name)


def _load_saved(local: Path) -> dict[str, Dataset]:
    folders = {"train": local}
    if (local / "dataset_dict.json").exists():
        folders = {name: local / name for name in json.loads((local / "dataset_dict.json").read_text())["splits"]}
    splits = {}
    for name, folder in folders.items():
        # A split without rows has no file, and ``datasets`` cannot read it.
        if json.loads((folder / "state.json").read_text())["_data_files"]:
            split = datasets.load_from_disk(str(folder))
            assert isinstance(split, Dataset)
            split.data.validate(full=True)
            splits[name] = split
    return splits


def _built(streaming: bool, path: str, **where: Any) -> dict[str, Any]:
    """Do what ``datasets.load_dataset`` does, but read parquet files piece by piece.

    Arrow's default reads ahead and keeps what it has read until the file is closed.
    """
    builder = datasets.load_dataset_builder(path, **where)
    if isinstance(builder.config, ParquetConfig):
        if streaming:
            return parquet_streams(builder)
        builder.config.fragment_scan_options = ParquetFragmentScanOptions(pre_buffer=False, use_buffered_stream=True)
    if streaming:
        return builder.as_streaming_dataset()
    builder.download_and_prepare()
    return builder.as_dataset()


def _check_arrow(file: Path) -> None:
    """Look at every batch of an Arrow file: Arrow itself believes its offsets, wherever they point."""
    with pa.memory_map(str(file)) as source:
        try:
            batches: Any = pa.ipc.open_stream(source)
        except pa.ArrowInvalid:
            opened = pa.ipc.open_file(source)
            batches = (opened.get_batch(place) for place in range(opened.num_record_batches))
        for batch in batches:
            batch.validate(full=True)


@contextlib.contextmanager
def reading(path: str) -> Iterator[None]:
    """Turn whatever a reader raises in a block that reads a local source into one line.

    ``datasets``, pandas and pyarrow raise errors of a dozen types for a malformed file. Errors of other sources go on
    as they are.

    Raises:
        UserError: The source cannot be read.
        OSError: The disk is full.
    """
    verbosity = datasets.logging.get_verbosity()
    datasets.logging.set_verbosity(datasets.logging.CRITICAL)  # what it logs of an error, it raises too
    try:
        yield
    except DistillError:
        raise
    except Exception as error:
        cause = _first_cause(error)
        if isinstance(cause, OSError) and cause.errno in (errno.ENOSPC, errno.EDQUOT):
            raise cause from error
        local = user_path(path)
        if not local.exists():
            raise
        fault = csv_fault(local) if local.suffix in (".csv", ".tsv") else None
        raise UserError(
            f"cannot read {path} ({fault or _reason(cause)}): mend it, or name another --data.path"
        ) from error
    finally:
        datasets.logging.set_verbosity(verbosity)


def _first_cause(error: BaseException) -> BaseException:
    """Return what ``datasets`` wraps in errors that say nothing themselves."""
    wrappers = (datasets.exceptions.DatasetGenerationError, datasets.exceptions.DataFilesNotFoundError)
    telling = datasets.exceptions.DatasetGenerationCastError
    while isinstance(error, wrappers) and not isinstance(error, telling) and error.__cause__ is not None:
        error = error.__cause__
    return error


def _reason(error: BaseException) -> str:
    """Return what an error says, in one line of bounded length; its kind too where it says next to nothing."""
    text = shorten(printable(str(error).removeprefix("An error occurred while generating the dataset")))
    clear = isinstance(error, (OSError, ValueError, pa.ArrowException, datasets.exceptions.DatasetsError))
    return text if clear and " " in text else f"{type(error).__name__} {text}".strip()
