"""Opening the source of a series, whose test split may be the end of its training split."""

from __future__ import annotations

import logging
from typing import Any

from datasets import Dataset, Features, concatenate_datasets

from hf_distill.data.sources import open_splits
from hf_distill.errors import UserError

_VALIDATION = ("validation", "valid", "val", "dev")

logger = logging.getLogger(__name__)


def open_series(
    *,
    path: str,
    name: str | None,
    revision: str | None,
    split: str,
    alone: bool,
    separator: str | None,
    decimal: str | None,
) -> tuple[Dataset, tuple[int, int, int] | None, dict[str, Any]]:
    """Open a series.

    Args:
        path: See :func:`hf_distill.data.sources.open_source`, as for the next ones.
        name: The configuration.
        revision: The Hub revision.
        split: The split that holds the series.
        alone: Read this split only: it is divided in another way.
        separator: What stands between two cells of a CSV file.
        decimal: The decimal sign of a CSV file.

    Returns:
        The rows; where training, validation and test rows end if the source has a test split; and what is known of the
        source.

    Raises:
        UserError: It cannot be read.
        HubError: The Hub refused, cannot be reached or gave an answer that is none.
    """
    splits, source = open_splits(path, name, revision, False, separator, decimal)
    if split not in splits:
        raise UserError(f"{path} has no split {split!r}; it has {', '.join(splits)}")
    source["split"] = split
    train: Dataset = splits[split]
    if alone or split != "train" or not len(splits.get("test", ())):
        return train, None, source
    parts = {split: train}
    parts |= {part: splits[part] for part in _VALIDATION if len(splits.get(part, ()))}
    parts["test"] = splits["test"]
    for part, table in parts.items():
        missing = [column for column in train.features if column not in table.features]
        if missing:
            logger.warning("split %r lacks column %r and is not read", part, missing[0])
            return train, None, source
    # Whole numbers of one split may be real ones of another.
    features = _widest([table.features for table in parts.values()], list(train.features))
    same = [table.select_columns(list(features)).cast(features) for table in parts.values()]
    logger.warning("splits %s of %s follow each other and are its parts", ", ".join(parts), path)
    ends = (len(train), sum(len(table) for table in same[:-1]), sum(len(table) for table in same))
    return concatenate_datasets(same), ends, source


def _widest(kinds: list[Features], names: list[str]) -> Features:
    def widest(name: str) -> Any:
        found = [features[name] for features in kinds]
        return next((kind for kind in found if "float" in getattr(kind, "dtype", "")), found[0])

    return Features({name: widest(name) for name in names})
