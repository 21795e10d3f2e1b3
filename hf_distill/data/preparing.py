"""Columns that hold images, sounds or tables without saying so, and rows that are held out."""

from __future__ import annotations

import io
import logging
from collections.abc import Collection
from pathlib import Path
from typing import Any, TypeVar

import torch
from datasets import Audio, ClassLabel, Dataset, Image, IterableDataset, Value
from datasets.packaged_modules.imagefolder.imagefolder import ImageFolder
from PIL import Image as PILImage

from hf_distill.data.audio_files import is_sound
from hf_distill.data.balance import proportional
from hf_distill.data.columns import Columns
from hf_distill.data.kinds.base import undecoded
from hf_distill.data.kinds.table import kinds
from hf_distill.data.local import reading
from hf_distill.data.narrow import narrowed
from hf_distill.errors import UserError

_IMAGES = tuple(ImageFolder.EXTENSIONS)

logger = logging.getLogger(__name__)
AnyDataset = TypeVar("AnyDataset", Dataset, IterableDataset)


def first_row(split: Dataset | IterableDataset, path: str) -> dict[str, Any] | None:
    """Return the first row of a split as it is stored, or None where there is none."""
    if isinstance(split, Dataset):
        rows = split.with_format("arrow")[:1].to_pylist() if len(split) else []
        return rows[0] if rows else None
    with reading(path):
        return next(iter(undecoded(split, kinds(), split.features or ())), None)


def prepared(
    dataset: AnyDataset, first: dict[str, Any] | None, base: Path | None, named: Collection[str] = ()
) -> AnyDataset:
    """Let columns of encoded images and sounds be what they are, and take structures apart.

    Parquet files of other writers keep them as bytes, as ``{bytes, path}`` or as a file's path, without the metadata
    by which ``datasets`` knows them.

    Args:
        dataset: A split that knows its features.
        first: Its first row, undecoded.
        base: The local folder that relative paths start from; None where paths are a stranger's.
        named: Columns that the user named, which stay as they are.
    """
    for name, feature in dict(dataset.features or {}).items():
        if first is not None and _is_sound(feature, first.get(name)):
            dataset = dataset.cast_column(name, Audio())
        elif first is not None and _is_image(feature, first.get(name), base):
            dataset = dataset.cast_column(name, Image())
    structures = {name for name, feature in dict(dataset.features or {}).items() if isinstance(feature, dict)}
    if isinstance(dataset, Dataset) and structures and not structures & set(named):
        return dataset.flatten()
    return dataset


def _is_sound(feature: Any, value: Any) -> bool:
    nested = isinstance(feature, dict) and "bytes" in feature and feature.keys() <= {"bytes", "path"}
    if value is None or not (nested or (isinstance(feature, Value) and "binary" in feature.dtype)):
        return False
    return is_sound((value["bytes"] if nested else value) or b"")


def _is_image(feature: Any, value: Any, base: Path | None) -> bool:
    if value is None:
        return False
    if isinstance(feature, dict) and "bytes" in feature and feature.keys() <= {"bytes", "path"}:
        return True
    if not isinstance(feature, Value):
        return False
    if "binary" in feature.dtype:
        try:
            with PILImage.open(io.BytesIO(value)):
                return True
        except Exception:  # no image, in whatever way Pillow says it
            return False
    if "string" in feature.dtype and base is not None and value.lower().endswith(_IMAGES):
        return Path(value).is_file() or (base / value).is_file()
    return False


def has_labels(dataset: Dataset | IterableDataset, column: str) -> bool:
    """Whether a split tells the class of its rows; those of a competition's test split are often hidden."""
    features = dataset.features or dataset._resolve_features().features
    if column not in features:
        return False
    if isinstance(dataset, IterableDataset):
        values = [row[column] for row in dataset.select_columns([column]).take(1)]
    else:
        plain = isinstance(features[column], (ClassLabel, Value))
        values = narrowed(dataset, [column]).unique(column) if len(dataset) and plain else []
    hidden = (None, -1) if isinstance(features[column], ClassLabel) else (None, "")
    return not values or any(value not in hidden for value in values)


def divided(
    train: Any, test: Any, columns: Columns, share: float | None, source: dict[str, Any], named: bool
) -> tuple[Any, Any]:
    """Return the rows to distill and those to measure on, and note in ``source`` where the latter come from.

    Args:
        train: The split to distill.
        test: The split to measure on, where the source has one.
        columns: The label columns, and what is learned.
        share: The share of the rows that is held out where it has none.
        source: What the specification will say of the source.
        named: The user asked for the test split.

    Raises:
        UserError: Rows cannot be held out, or need not.
    """
    if test is not None and not named and not all(has_labels(test, name) for name in columns.labels):
        logger.warning("split %r has no labels in column %r: it measures nothing", source["test_split"], columns.label)
        test, source["test_split"] = None, None
    if share is None:
        return train, test
    if test is not None:
        raise UserError(f"there is a split {source['test_split']!r} to measure on: leave out --data.test_fraction")
    if isinstance(train, IterableDataset):
        raise UserError("rows of a stream cannot be held out: leave out --data.test_fraction or --data.streaming")
    source["test_fraction"] = share
    return held_out(train, columns.label if columns.goal.stratified else None, share)


def held_out(dataset: Dataset, column: str | None, share: float) -> tuple[Dataset, Dataset]:
    """Divide a split's rows at random, always the same ones, a share of every class where a column tells these.

    Returns:
        The rows that stay and those that are held out, both in their order.

    Raises:
        UserError: The share is none of so few rows.
    """
    values = [None] * len(dataset) if column is None else dataset[column][:]
    index = {value: place for place, value in enumerate(dict.fromkeys(values))}
    classes = torch.tensor([index[value] for value in values])
    counts = torch.bincount(classes).tolist()
    total = round(share * len(values))
    if not 0 < total < len(values):
        raise UserError(f"data.test_fraction is {share:g}, which of {len(values)} rows leaves a split empty")
    generator = torch.Generator().manual_seed(0)
    chosen = torch.zeros(len(values), dtype=torch.bool)
    for label, count in enumerate(proportional(counts, total)):
        rows = (classes == label).nonzero()[:, 0]
        chosen[rows[torch.randperm(len(rows), generator=generator)[:count]]] = True
    return dataset.select((~chosen).nonzero()[:, 0].tolist()), dataset.select(chosen.nonzero()[:, 0].tolist())
