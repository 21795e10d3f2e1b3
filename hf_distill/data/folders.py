"""Which files of a folder belong to which split, where the patterns of ``datasets`` see something else."""

from __future__ import annotations

import glob
import logging
import os
import re
from pathlib import Path

from datasets.packaged_modules.audiofolder.audiofolder import AudioFolder
from datasets.packaged_modules.imagefolder.imagefolder import ImageFolder

from hf_distill.errors import UserError

_KEYWORDS = {
    "train": ("train", "training"),
    "validation": ("validation", "valid", "dev", "val"),
    "test": ("test", "testing", "eval", "evaluation"),
}
_FILES = tuple({*ImageFolder.EXTENSIONS, *AudioFolder.EXTENSIONS})
_TABLES = (".csv", ".tsv", ".json", ".jsonl", ".parquet")

logger = logging.getLogger(__name__)


def split_files(local: Path) -> dict[str, list[str]] | None:
    """Return patterns of the files of every split, or None where ``datasets`` finds them as they are meant.

    ``datasets`` looks for ``train``, ``test`` and their like anywhere in a path, in lower case only. So folders
    ``Train`` and ``Test`` become one split, and a class called ``train``, or images ``test_1.png``, another one.

    Args:
        local: A folder without a card that names its files.
    """
    if (local / "README.md").is_file() or any(local.glob("data/*-of-*")):
        return None
    folder = _innermost(local)
    folders = {entry.name: Path(entry.path) for entry in _entries(folder) if entry.is_dir()}
    pictures = {name: path for name, path in folders.items() if _holds_files(path)}
    if pictures:
        return _of_files(folder, pictures)
    tables = [entry.name for entry in _entries(folder) if entry.name.lower().endswith(_TABLES)]
    splits = {name: split_of(name) for name in tables}
    if any(splits.values()) and not folders:
        files: dict[str, list[str]] = {}
        for name in sorted(tables):
            if split := splits[name]:
                files.setdefault(split, []).append(glob.escape(str(folder / name)))
        return files
    return None


def split_of(name: str) -> str | None:
    """Return the split that a name means, of a folder or a file: ``Train``, ``seg_test``, ``val-00000-of-00001``.

    >>> split_of("my_TRAINING.csv"), split_of("training-wheels"), split_of("constrained")
    ('train', 'train', None)
    """
    words = re.split(r"[-._ 0-9]+", name.lower())
    return next((split for split, keys in _KEYWORDS.items() if any(key in words for key in keys)), None)


def _of_files(folder: Path, pictures: dict[str, Path]) -> dict[str, list[str]]:
    splits = {name: split_of(name) for name in pictures}
    # A folder of a split holds folders of classes; one that holds images itself beside others that are no splits is a
    # class, whatever it is called.
    with_classes = [name for name in pictures if splits[name] and _classes(pictures[name])]
    if not with_classes and not all(splits.values()):
        return {"train": [f"{glob.escape(str(folder))}/**"]}
    chosen = with_classes or list(pictures)
    if not with_classes and not any(_has_metadata(path) for path in pictures.values()):
        raise UserError(
            f"the files of {folder.name} are in {', '.join(sorted(pictures))}, without a folder for every class: put "
            "them into such folders, or give a metadata.csv with their classes"
        )
    ignored = sorted(set(pictures) - set(chosen))
    if ignored:
        logger.warning("folders that belong to no split are left out: %s", ", ".join(ignored))
    files: dict[str, list[str]] = {}
    for name in sorted(chosen):
        split = splits[name]
        assert split is not None
        files.setdefault(split, []).append(f"{glob.escape(str(pictures[name]))}/**")
    return files


def _innermost(folder: Path) -> Path:
    """Go down as long as there is nothing but one folder that is no split."""
    while True:
        entries = list(_entries(folder))
        if len(entries) != 1 or not entries[0].is_dir() or split_of(entries[0].name):
            return folder
        folder = Path(entries[0].path)


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    with os.scandir(folder) as found:
        return [entry for entry in found if not entry.name.startswith((".", "__"))]


def _has_metadata(folder: Path) -> bool:
    return any(entry.name.startswith("metadata.") for entry in _entries(folder))


def _classes(folder: Path) -> bool:
    return any(entry.is_dir() and _holds_files(Path(entry.path)) for entry in _entries(folder))


def _holds_files(folder: Path) -> bool:
    """Whether there is an image or a sound somewhere in a folder."""
    return any(name.lower().endswith(_FILES) for _, _, names in os.walk(folder) for name in names)
