"""The record: ``distillation.json``, what a distilled dataset is, how it was made and which bytes belong to it."""

from __future__ import annotations

import hashlib
import json
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from hf_distill.errors import ArtifactError

FORMAT_VERSION = 1
RECORD = "distillation.json"
CARD = "README.md"
PREVIEW = "preview.png"
EVALUATION = "evaluation.json"
PICTURES = "pictures"
TABLES = {"default": "data/train-00000-of-00001.parquet", "codes": "codes/train-00000-of-00001.parquet"}
#: The top-level entries that make up an artifact; everything else in its folder belongs to the user.
ENTRIES = (CARD, RECORD, PREVIEW, EVALUATION, PICTURES, "data", "codes")
#: What a run may leave in its output folder before the first artifact is there.
WORKING_ENTRIES = ("checkpoints", "logs", "previews")
_KEYS = ("spec", "rows", "bits", "codes", "config", "recipe", "seed", "timing", "history", "citations", "versions")
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
    data = path.read_bytes()
    return {"rows": rows, "arrow_bytes": arrow_bytes, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def read_record(folder: Path) -> dict[str, Any]:
    """Read the record of an artifact.

    Raises:
        ArtifactError: There is none, it cannot be read, or a newer version of the library wrote it.
    """
    path = folder / RECORD
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ArtifactError(f"{folder} holds no distilled dataset: {RECORD} is missing") from error
    except (OSError, ValueError) as error:
        raise ArtifactError(
            f"{path} cannot be read ({str(error).splitlines()[0]}): make or download it again"
        ) from error
    found = record.get("format_version") if isinstance(record, dict) else None
    if not isinstance(found, int):
        raise ArtifactError(f"{path} is not the record of a distilled dataset: it has no format_version")
    if found > FORMAT_VERSION:
        raise ArtifactError(
            f"{path} has format {found} and this hf_distill reads up to {FORMAT_VERSION}: pip install -U hf-distill"
        )
    missing = [key for key in (*_KEYS, "files") if key not in record]
    if missing:
        raise ArtifactError(f"{path} is incomplete, without {', '.join(missing)}: make or download it again")
    return record


def verify_files(folder: Path, record: dict[str, Any]) -> None:
    """Check that the tables are there and hold the recorded bytes.

    Raises:
        ArtifactError: One is missing, cut off or changed; the message names it.
    """
    for name in TABLES.values():
        path, entry = folder / name, record["files"].get(name)
        if entry is None:
            raise ArtifactError(f"{folder / RECORD} does not list {name}: make or download the set again")
        try:
            data = path.read_bytes()
        except OSError as error:
            raise ArtifactError(f"{path} is missing: make or download the set again") from error
        if len(data) != entry["bytes"]:
            raise ArtifactError(f"{path} has {len(data)} bytes, not {entry['bytes']}: make or download the set again")
        if hashlib.sha256(data).hexdigest() != entry["sha256"]:
            raise ArtifactError(f"{path} was changed after it was written: make or download the set again")
