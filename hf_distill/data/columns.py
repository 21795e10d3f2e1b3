"""Which column is the input, which one the class, and what they hold."""

from __future__ import annotations

from typing import Any

import torch
from datasets import ClassLabel, Features, Image, LargeList, List, Value
from torch import Tensor

from hf_distill.errors import UserError

_LABEL_NAMES = ("label", "labels", "target", "class", "y", "fine_label")


def is_vector(feature: Any) -> bool:
    """Whether a feature is a list of numbers."""
    if not isinstance(feature, (List, LargeList)):
        return False
    inner = feature.feature
    return isinstance(inner, Value) and inner.dtype.startswith(("float", "double", "int", "uint"))


def find_columns(features: Features, input_column: str | None, label_column: str | None) -> tuple[str, str]:
    """Return the input and the label column, inferred where they are not given.

    Raises:
        UserError: A named column does not exist or has an unusable type, or the choice is not unique.
    """
    for option, column in (("input_column", input_column), ("label_column", label_column)):
        if column is not None and column not in features:
            raise UserError(f"no column {column!r}; set --data.{option} to one of {', '.join(features)}")
    if input_column is None:
        images = [name for name, feature in features.items() if isinstance(feature, Image)]
        candidates = images or [name for name, feature in features.items() if is_vector(feature)]
        input_column = _only(candidates, "an Image or a List of numbers", "input_column", features)
    elif not isinstance(features[input_column], Image) and not is_vector(features[input_column]):
        raise UserError(f"column {input_column!r} is {features[input_column]}; an Image or a List of numbers is needed")
    if label_column is None:
        labels = [name for name, feature in features.items() if isinstance(feature, ClassLabel)]
        if not labels:
            labels = [name for name in _LABEL_NAMES if isinstance(features.get(name), Value)][:1]
        label_column = _only(labels, "a ClassLabel", "label_column", features)
    elif not isinstance(features[label_column], (ClassLabel, Value)):
        raise UserError(f"column {label_column!r} is {features[label_column]}; a ClassLabel or a plain value is needed")
    return input_column, label_column


def _only(candidates: list[str], kind: str, option: str, features: Features) -> str:
    if len(candidates) == 1:
        return candidates[0]
    found = f"several columns are ({', '.join(candidates)})" if candidates else "no column is"
    raise UserError(f"{option} must be {kind} and {found}: set --data.{option} to one of {', '.join(features)}")


def check_label(feature: Any, column: str) -> None:
    """Refuse columns whose values cannot be published as classes: dates, bytes, decimals, lists and the like.

    Raises:
        UserError: The column is neither a ``ClassLabel`` nor text, whole numbers, true/false or whole floats.
    """
    if isinstance(feature, ClassLabel):
        return
    dtype = feature.dtype if isinstance(feature, Value) else ""
    if "string" not in dtype and dtype != "bool" and not dtype.startswith(("int", "uint", "float")):
        raise UserError(
            f"column {column!r} is {dtype or feature}; classes are a ClassLabel, text, whole numbers or true/false: "
            "turn it into one of these, or name another column with --data.label_column"
        )


def label_table(feature: Any, values: list[Any], column: str) -> tuple[tuple[str, ...], tuple[Any, ...] | None]:
    """Return the class names and, for a column that is no ``ClassLabel``, the value that stands for each class.

    Raises:
        UserError: A row has no label, or the values look like a measurement or are of a type that is no class.
    """
    if isinstance(feature, ClassLabel):
        return tuple(feature.names), None
    check_label(feature, column)
    if None in values:
        raise UserError(f"row {values.index(None)} has no value in column {column!r}: filter such rows out first")
    if feature.dtype.startswith("float"):
        row = next((row for row, value in enumerate(values) if not value.is_integer()), None)
        if row is not None:
            raise UserError(
                f"column {column!r} holds real numbers ({feature.dtype}; row {row}: {values[row]}), not classes: name "
                "another column with --data.label_column"
            )
    table = tuple(sorted(set(values)))
    return tuple(str(value) for value in table), table


def class_indices(values: list[Any], label_values: tuple[Any, ...] | None, count: int, column: str) -> Tensor:
    """Return the class index of every row's label, ``(N,)``.

    Raises:
        UserError: A row has no label or one that is no class.
    """
    if label_values is not None:
        index = {value: place for place, value in enumerate(label_values)}
        row = next((row for row, value in enumerate(values) if value not in index), None)
        if row is not None:
            raise UserError(
                f"row {row} has class {values[row]!r} in column {column!r}; the training split has not: filter such "
                "rows out first"
            )
        return torch.tensor([index[value] for value in values], dtype=torch.int64)
    for row, value in enumerate(values):
        if not isinstance(value, int) or not 0 <= value < count:
            raise UserError(f"row {row} has label {value} in column {column!r}; labels are 0 to {count - 1}")
    return torch.tensor(values, dtype=torch.int64)
