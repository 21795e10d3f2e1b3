"""The record: ``distillation.json``, what a distilled dataset is, how it was made and which bytes belong to it."""

from __future__ import annotations

import hashlib
import json
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from hf_distill.errors import ArtifactError, UserError
from hf_distill.hub.checks import Wrong, said, sound
from hf_distill.hub.contained import read_contained
from hf_distill.hub.record_checks import check_record
from hf_distill.text import printable, shorten

FORMAT_VERSION = 2  # with a config labels; 1 without
RECORD = "distillation.json"
CARD = "README.md"
PREVIEW = "preview.png"
EVALUATION = "evaluation.json"
DECODER = "decode.py"
PICTURES = "pictures"
TABLES = {"default": "data/train-00000-of-00001.parquet", "codes": "codes/train-00000-of-00001.parquet"}
#: Soft labels of views, of sets that hold any.
LABELS = "labels/train-00000-of-00001.parquet"
#: The top-level entries that make up an artifact; everything else in its folder belongs to the user.
ENTRIES = (CARD, RECORD, PREVIEW, EVALUATION, DECODER, PICTURES, "data", "codes", "labels")
#: What a run may leave in its output folder before the first artifact is there.
WORKING_ENTRIES = ("checkpoints", "logs", "previews")
_KEYS = ("spec", "rows", "bits", "codes", "config", "recipe", "seed", "timing", "history", "citations", "versions")
# Bytes of a file that are read at a time.
_AT_ONCE = 2**20
_MOST_BYTES = 2**26  # of a record, and of a table that says nothing else
_PACKAGES = ("hf-distill", "torch", "accelerate", "datasets", "huggingface-hub", "numpy", "pillow", "pyarrow")


def library_versions() -> dict[str, str]:
    """Return the versions of Python and of the libraries that shape the result."""
    versions = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:  # run from a checkout that is not installed
            continue
    return versions


def to_json(values: Any) -> str:
    """Format JSON the way all files of an artifact have it."""
    return json.dumps(values, indent=2, ensure_ascii=False) + "\n"


def file_entry(path: Path, rows: int, arrow_bytes: int) -> dict[str, Any]:
    """Describe a table for the record: rows, size in memory and on disk, and the digest of its bytes."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while part := file.read(_AT_ONCE):
            digest.update(part)
    size = path.stat().st_size
    return {"rows": rows, "arrow_bytes": arrow_bytes, "bytes": size, "sha256": digest.hexdigest()}


def tables_of(record: dict[str, Any]) -> dict[str, str]:
    """Return the paths of a set's tables by config."""
    return TABLES | ({"labels": LABELS} if LABELS in record["files"] else {})


def read_record(folder: Path) -> dict[str, Any]:
    """Read the record of an artifact, the only way in which anything of ours does: what comes out has been checked.

    Raises:
        ArtifactError: There is none, it cannot be read, it is not as this library writes them, or a newer version
            wrote it.
    """
    path = folder / RECORD
    try:
        data = read_contained(folder, RECORD, _MOST_BYTES)
    except FileNotFoundError as error:
        raise ArtifactError(f"{folder} holds no distilled dataset: {RECORD} is missing") from error
    try:
        record = json.loads(data.decode(), object_pairs_hook=_once)
    except RecursionError as error:
        raise ArtifactError(f"{path} cannot be read (nested too deeply): make or download it again") from error
    except (ValueError, Wrong) as error:
        reason = shorten(printable(str(error)))
        raise ArtifactError(f"{path} cannot be read ({reason}): make or download it again") from error
    found = record.get("format_version") if isinstance(record, dict) else None
    if not isinstance(found, int) or isinstance(found, bool) or found < 1:
        raise ArtifactError(f"{path} is not the record of a distilled dataset: it has no format_version")
    if found > FORMAT_VERSION:
        raise ArtifactError(
            f"{path} has format {said(found)} and this hf_distill reads up to {FORMAT_VERSION}: "
            "pip install -U hf-distill"
        )
    missing = [key for key in (*_KEYS, "files") if key not in record]
    if missing:
        raise ArtifactError(f"{path} is incomplete, without {', '.join(missing)}: make or download it again")
    return checked(record, path)


def checked(record: dict[str, Any], what: str | Path = "the record") -> dict[str, Any]:
    """Return a record that is as this library writes them.

    Raises:
        ArtifactError: It is not; the message names the first place.
    """
    try:
        sound(record)
        check_record(record, tuple(TABLES.values()), LABELS)
    except Wrong as error:
        raise ArtifactError(f"{what} does not describe a distilled dataset: {error}") from error
    return record


def check_name(name: str) -> None:
    """Refuse the name of a set's folder or repository that would keep ``datasets`` from loading it.

    Raises:
        UserError: It is that of the decoder: ``load_dataset`` takes a file of the set's own name for a loading script.
    """
    if name == Path(DECODER).stem:
        raise UserError(f"a distilled set cannot be called {name}: load_dataset would take its {DECODER} for a script")


def without_code(meta: dict[str, Any]) -> dict[str, Any]:
    """Return a description of codes without the code that older versions put there.

    What a record brings is a stranger's, and a card of ours would show it to people who may run it.
    """
    return {key: value for key, value in meta.items() if key != "decoder"}


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        names = [name for name, _ in pairs]
        raise Wrong(f"the key {said(next(name for name in values if names.count(name) > 1))} comes twice")
    return values


def read_tables(folder: Path, record: dict[str, Any]) -> dict[str, bytes]:
    """Return the bytes of the tables by config, which are those that the record lists.

    Raises:
        ArtifactError: One is missing, cut off or changed; the message names it.
    """
    tables = {}
    for config, name in tables_of(record).items():
        path, entry = folder / name, record["files"][name]
        try:
            data = read_contained(folder, name, max(_MOST_BYTES, entry["bytes"]))
        except FileNotFoundError as error:
            raise ArtifactError(f"{path} is missing: make or download the set again") from error
        if len(data) != entry["bytes"]:
            raise ArtifactError(f"{path} has {len(data)} bytes, not {entry['bytes']}: make or download the set again")
        if hashlib.sha256(data).hexdigest() != entry["sha256"]:
            raise ArtifactError(f"{path} was changed after it was written: make or download the set again")
        tables[config] = data
    return tables
