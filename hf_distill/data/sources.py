"""Opening a source: a Hub id, a local folder or file, or a built-in set that needs no network."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import datasets
from datasets import ClassLabel, Dataset, DatasetDict, Features, Image, IterableDataset, List, Value
from huggingface_hub import DatasetCard, HfApi
from huggingface_hub.errors import HfHubHTTPError, HTTPError

from hf_distill.connection import hub_requests
from hf_distill.data.local import load_local, local_path
from hf_distill.errors import HubError, UserError
from hf_distill.files import user_path
from hf_distill.text import printable, shorten

_BRIEF = 300.0  # seconds for a source's page and card
# Looked for in this order where the user names no test split.
_TEST_SPLITS = ("test", "validation", "valid", "val", "dev")


@cache
def load_digits() -> DatasetDict:
    """Return scikit-learn's handwritten digits: 1,797 images of 8x8, a stratified fifth of them held out for testing.

    Pixels 0 to 16 become 0 to 255. Source: E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, UCI
    Machine Learning Repository, 1998.
    """
    try:
        from sklearn.datasets import load_digits as load
        from sklearn.model_selection import train_test_split
    except ImportError as error:
        raise UserError("the built-in 'digits' need scikit-learn: pip install 'hf-distill[digits]'") from error
    from PIL import Image as PILImage

    digits = load()
    pixels = (digits.images * (255 / 16)).round().astype("uint8")
    rows = range(len(pixels))
    train, test = train_test_split(rows, test_size=360, stratify=digits.target, random_state=0)
    features = Features({"image": Image(), "label": ClassLabel(names=[str(digit) for digit in range(10)])})

    def build(index: list[int]) -> Dataset:
        images = [PILImage.fromarray(pixels[row]) for row in sorted(index)]
        labels = [int(digits.target[row]) for row in sorted(index)]
        return Dataset.from_dict({"image": images, "label": labels}, features=features)

    return DatasetDict(train=build(train), test=build(test))


@cache
def load_diabetes() -> DatasetDict:
    """Return scikit-learn's diabetes patients: ten measurements of each of 442 and how far the disease is a year later.

    A fifth of the rows at random are held out for testing. Source: Efron, Hastie, Johnstone and Tibshirani, Least Angle
    Regression, Annals of Statistics 32, 2004.
    """
    try:
        from sklearn.datasets import load_diabetes as load
        from sklearn.model_selection import train_test_split
    except ImportError as error:
        raise UserError("the built-in 'diabetes' need scikit-learn: pip install 'hf-distill[digits]'") from error

    source = load(scaled=False)
    train, test = train_test_split(range(len(source.target)), test_size=88, random_state=0)
    features = Features({"measurements": List(Value("float32"), length=10), "progression": Value("float32")})

    def build(index: list[int]) -> Dataset:
        rows = sorted(index)
        columns = {"measurements": source.data[rows].tolist(), "progression": source.target[rows].tolist()}
        return Dataset.from_dict(columns, features=features)

    return DatasetDict(train=build(train), test=build(test))


BUILT_IN: dict[str, tuple[Callable[[], DatasetDict], str | None]] = {
    "digits": (load_digits, "cc-by-4.0"),
    "diabetes": (load_diabetes, None),
}


def open_source(
    *,
    path: str,
    name: str | None = None,
    revision: str | None = None,
    split: str = "train",
    test_split: str | None = None,
    streaming: bool = False,
    separator: str | None = None,
    decimal: str | None = None,
) -> tuple[Dataset | IterableDataset, Dataset | IterableDataset | None, dict[str, Any]]:
    """Open a source.

    Args:
        path: A built-in name (``digits``, ``diabetes``), a local folder (Hub layout, ImageFolder or ``save_to_disk``),
            a local parquet, CSV, JSON or Arrow file, or a Hub id.
        name: The configuration, for sources with several.
        revision: The Hub revision.
        split: The split to distill.
        test_split: The split to measure on; None takes ``test`` or ``validation`` where there is one.
        streaming: Read the training split as a stream.
        separator: What stands between two cells of a CSV file.
        decimal: The decimal sign of a CSV file.

    Returns:
        The training split, the test split or None, and what the card says of the source.

    Raises:
        UserError: The source, the configuration or a split does not exist or cannot be read, or both splits are one.
        HubError: The Hub refused, cannot be reached or gave an answer that is none.
    """
    if test_split == split:
        raise UserError(
            f"data.test_split is {test_split!r}, the split that is distilled: name another one, or leave it out"
        )
    splits, source = open_splits(path, name, revision, streaming, separator, decimal)
    train, test, test_split = chosen_splits(splits, split, test_split, path)
    return train, test, {**source, "split": split, "test_split": test_split}


def chosen_splits(
    splits: dict[str, Any], split: str, test_split: str | None, path: str = "the data"
) -> tuple[Any, Any, str | None]:
    """Return the split to distill, the one to measure on, if there is one, and its name.

    Args:
        splits: All of a source, by their names.
        split: Which to distill.
        test_split: Which to measure on; None takes ``test`` or ``validation`` where there is one.
        path: The source, for messages.

    Raises:
        UserError: There is none of such a name.
    """
    if split not in splits:
        raise UserError(f"{path} has no split {split!r}; it has {', '.join(splits)}")
    if test_split is not None and test_split not in splits:
        raise UserError(f"{path} has no test split {test_split!r}; it has {', '.join(splits)}")
    if test_split is None:
        others = [other for other in _TEST_SPLITS if other in splits and other != split]
        test_split = next((other for other in others if not _is_empty(splits[other])), None)
    return splits[split], splits[test_split] if test_split else None, test_split


def open_splits(
    path: str,
    name: str | None = None,
    revision: str | None = None,
    streaming: bool = False,
    separator: str | None = None,
    decimal: str | None = None,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Open all splits of a source, by their names, and say what is known of it; see :func:`open_source`."""
    splits = _load(path, name, revision, streaming, separator, decimal)
    return dict(splits), {"path": _public_path(path), "name": name, **_provenance(path, revision)}


def local_source(path: str) -> Path | None:
    """Return the file or folder that a source's path names, or None for built-in sets and what is on the Hub."""
    return None if path in BUILT_IN else local_path(path)


def _is_empty(split: Dataset | IterableDataset) -> bool:
    return isinstance(split, Dataset) and not len(split)


def _public_path(path: str) -> str:
    """Return a path as it may be published: local folders lose everything but their last part."""
    local = user_path(path)
    return local.name if local.exists() and path not in BUILT_IN else path


def _load(
    path: str, name: str | None, revision: str | None, streaming: bool, separator: str | None, decimal: str | None
) -> dict[str, Any]:
    if path in BUILT_IN:
        loaded = BUILT_IN[path][0]()
        return {key: ds.to_iterable_dataset() if streaming else ds for key, ds in loaded.items()}
    if (local := local_path(path)) is not None:
        return load_local(local, path, name, streaming, (separator, decimal))
    given = {key: value for key, value in (("sep", separator), ("decimal", decimal)) if value is not None}
    return _load_from_hub(path, name, revision, streaming, given)


def _load_from_hub(
    path: str, name: str | None, revision: str | None, streaming: bool, csv_options: dict[str, str]
) -> dict[str, Any]:
    with hub_requests(path, revision=revision):
        try:
            return datasets.load_dataset(path, name=name, revision=revision, streaming=streaming, **csv_options)
        except datasets.exceptions.DatasetNotFoundError as error:
            raise UserError(
                f"no dataset {path!r}: not a built-in ({', '.join(BUILT_IN)}), not a local folder or file, and not "
                f"found on the Hub ({_first_line(error)})"
            ) from error
        except datasets.exceptions.DataFilesNotFoundError as error:
            raise UserError(f"cannot read {path}: {_first_line(error)}") from error
        except datasets.exceptions.DatasetGenerationError as error:
            cause = error.__cause__ or error
            if isinstance(cause, (ConnectionError, HfHubHTTPError, HTTPError)):
                raise cause from None
            raise UserError(f"cannot read {path}: {_first_line(cause)}") from error
        except ValueError as error:
            # An unknown config, or an answer of the Hub that is no JSON.
            if isinstance(error, (HfHubHTTPError, json.JSONDecodeError)):
                raise
            raise UserError(f"cannot open {path}: {_first_line(error)}") from error


def _first_line(error: BaseException) -> str:
    return shorten(printable((str(error).strip() or type(error).__name__).splitlines()[0]))


def _provenance(path: str, revision: str | None) -> dict[str, Any]:
    """Return the source's revision and licence as far as they are known."""
    if path in BUILT_IN:
        return {"revision": None, "license": BUILT_IN[path][1]}
    if (local := local_path(path)) is not None:
        readme = local / "README.md"
        return {"revision": None, "license": _card_license(readme) if readme.is_file() else None}
    try:
        with hub_requests(path, revision=revision, seconds=_BRIEF):
            info = HfApi().dataset_info(path, revision=revision)
            license_ = DatasetCard.load(path, repo_type="dataset").data.license
    except HubError:
        # Offline with a cached copy: the set can be read, its provenance cannot.
        return {"revision": revision, "license": None}
    return {"revision": info.sha, "license": license_}


def _card_license(readme: Path) -> str | list[str] | None:
    try:
        found = DatasetCard.load(readme).data.license
    except Exception:  # whatever a stranger's card holds: the set can be read, its licence cannot
        return None
    return found if isinstance(found, (str, list)) else None
