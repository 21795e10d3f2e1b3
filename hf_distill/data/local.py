"""Local files and folders as sources; whatever is wrong with them is said in one line."""

from __future__ import annotations

import contextlib
import errno
import glob
import hashlib
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import datasets
import pyarrow as pa
from datasets import Dataset, DatasetBuilder
from datasets.packaged_modules.csv.csv import CsvConfig
from datasets.packaged_modules.json.json import JsonConfig
from datasets.packaged_modules.parquet.parquet import ParquetConfig
from pyarrow.dataset import ParquetFragmentScanOptions

from hf_distill.data.audio_files import paths_alone
from hf_distill.data.csv_dialect import csv_options
from hf_distill.data.csv_fault import csv_fault
from hf_distill.data.folders import split_files
from hf_distill.data.parquet_stream import parquet_streams
from hf_distill.errors import DistillError, UserError
from hf_distill.files import user_path
from hf_distill.text import printable, shorten

_FILE_LOADERS = {
    ".parquet": "parquet",
    ".pq": "parquet",
    ".csv": "csv",
    ".tsv": "csv",
    ".json": "json",
    ".jsonl": "json",
    ".ndjson": "json",
    ".arrow": "arrow",
    ".feather": "arrow",
    ".tar": "webdataset",
}
_COMPRESSED = (".gz", ".bz2", ".xz", ".zst")
# Tables whose splits may have different columns, each read by itself.
_TABLES = {CsvConfig: "csv", JsonConfig: "json", ParquetConfig: "parquet"}
# CSV files up to this size are read at once, so that all of a column is of one type, as pandas reads it.
_WHOLE = 2**31

logger = logging.getLogger(__name__)


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
    if "://" in path:
        raise UserError(f"{path} is an address: download it first, or name a Hub dataset by namespace/name")
    is_file = path.lower().endswith(tuple(_FILE_LOADERS))
    if is_file or path.startswith((".", "/", "~")) or path.count("/") > 1 or local.exists():
        raise UserError(f"no such file or folder: {path}")
    return None


def load_local(
    local: Path, path: str, name: str | None, streaming: bool, csv_signs: tuple[str | None, str | None] = (None, None)
) -> dict[str, Any]:
    """Open a file or a folder.

    Args:
        local: As :func:`local_path` returns it.
        path: As the user wrote it, for messages.
        name: The configuration, for folders with several.
        streaming: Return streams.
        csv_signs: Separator and decimal sign of CSV files, as far as they are given.

    Returns:
        The splits by their names.

    Raises:
        UserError: It cannot be read.
    """
    loader = _loader(local) if local.is_file() else None
    if local.is_file() and loader is None:
        raise UserError(f"cannot read {path}: a data file must end in {', '.join(_FILE_LOADERS)}")
    if local.is_file() and not local.stat().st_size:
        raise UserError(f"{path} is empty: name another --data.path")
    with reading(path), paths_alone():
        if loader is not None:
            if loader == "arrow":
                _check_arrow(local)
            options = _csv(local, csv_signs, streaming) if loader == "csv" else {}
            return _built(_builder(loader, data_files=glob.escape(str(local)), **options), streaming)
        if (local / "dataset_dict.json").exists() or (local / "state.json").exists():
            splits = _load_saved(local)
            if not splits:
                raise UserError(f"{path} has no rows: name another --data.path")
            return {key: split.to_iterable_dataset() if streaming else split for key, split in splits.items()}
        return _folder(local, name, streaming, csv_signs)


def _loader(file: Path) -> str | None:
    """Return what reads a file, by its name; compressed parquet files and archives there are none."""
    suffixes = [suffix.lower() for suffix in file.suffixes[-2:]]
    if suffixes and suffixes[-1] in _COMPRESSED:
        loader = _FILE_LOADERS.get(suffixes[0]) if len(suffixes) > 1 else None
        return loader if loader in ("csv", "json") else None
    return _FILE_LOADERS.get(suffixes[-1]) if suffixes else None


def _csv(file: Path, signs: tuple[str | None, str | None], streaming: bool) -> dict[str, Any]:
    options = csv_options(file, *signs)
    whole = not streaming and file.stat().st_size <= _WHOLE
    return options | ({"chunksize": _WHOLE} if whole else {})


def _folder(local: Path, name: str | None, streaming: bool, csv_signs: tuple[str | None, str | None]) -> dict[str, Any]:
    """Open a folder; splits of tables are opened one by one, so that each has the columns of its own files."""
    builder = _builder(str(local), name=name, data_files=split_files(local))
    module = _TABLES.get(type(builder.config))
    if module is None or _has_card(local):
        return _built(builder, streaming)
    splits: dict[str, Any] = {}
    for split, files in (builder.config.data_files or {}).items():
        paths = [Path(file) for file in files]
        options = _csv(paths[0], csv_signs, streaming) if module == "csv" else {}
        own = _builder(module, data_files={str(split): [glob.escape(str(file)) for file in paths]}, **options)
        splits |= _built(own, streaming)
    return splits


def _has_card(local: Path) -> bool:
    return (local / "README.md").is_file()


def _builder(path: str, **where: Any) -> DatasetBuilder:
    """Return the builder of a source, with a cache that belongs to its files as they are now.

    ``datasets`` caches a folder whose card names its files by these names: what is written anew would not be seen.
    """
    builder = datasets.load_dataset_builder(path, **where)
    if not _has_card(Path(path)):
        return builder
    state = hashlib.sha256()
    for files in (builder.config.data_files or {}).values():
        for file in files:
            if (known := Path(file)).is_file():
                state.update(f"{file} {known.stat().st_size} {known.stat().st_mtime_ns}\n".encode())
    cache = Path(datasets.config.HF_DATASETS_CACHE) / f"hf_distill_{state.hexdigest()[:32]}"
    return datasets.load_dataset_builder(path, cache_dir=str(cache), **where)


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


def _built(builder: DatasetBuilder, streaming: bool) -> dict[str, Any]:
    """Do what ``datasets.load_dataset`` does, but read parquet files piece by piece.

    Arrow's default reads ahead and keeps what it has read until the file is closed.
    """
    if isinstance(builder.config, ParquetConfig):
        if streaming:
            return parquet_streams(builder)
        builder.config.fragment_scan_options = ParquetFragmentScanOptions(pre_buffer=False, use_buffered_stream=True)
    if streaming:
        return {str(split): stream for split, stream in builder.as_streaming_dataset().items()}
    builder.download_and_prepare()
    return {str(split): table for split, table in builder.as_dataset().items()}


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
        fault = csv_fault(local) if local.is_file() and _loader(local) == "csv" else None
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
    if any(words in str(error) for words in ("corresponds to no data", "at least one example when writing")):
        return "it has no rows"
    text = shorten(printable(str(error).removeprefix("An error occurred while generating the dataset")))
    clear = isinstance(error, (OSError, ValueError, pa.ArrowException, datasets.exceptions.DatasetsError))
    return text if clear and " " in text else f"{type(error).__name__} {text}".strip()
