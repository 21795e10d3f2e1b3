"""What the label column holds: the classes' names, and the class of every row by its name."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import torch
from datasets import ClassLabel, Value
from torch import Tensor

from hf_distill.errors import UserError
from hf_distill.text import printable, shorten

logger = logging.getLogger(__name__)

# With more classes than this, and than half as many as rows, a column that nobody named is no class.
_MANY = 20


def check_label(feature: Any, column: str) -> None:
    """Refuse columns whose values cannot be published as classes: dates, bytes, decimals, lists and the like.

    Raises:
        UserError: The column is neither a ``ClassLabel`` nor text, whole numbers, true/false or whole floats.
    """
    if isinstance(feature, ClassLabel):
        return
    dtype = feature.dtype if isinstance(feature, Value) else ""
    if dtype == "null":
        raise UserError(f"row 0 has no value in column {column!r}, and neither has any other")
    if "string" not in dtype and dtype != "bool" and not dtype.startswith(("int", "uint", "float")):
        raise UserError(
            f"column {column!r} is {dtype or feature}; classes are a ClassLabel, text, whole numbers or true/false: "
            "turn it into one of these, or name another column with --data.label_column"
        )


def label_table(
    feature: Any, values: Sequence[Any], column: str, named: bool = True
) -> tuple[tuple[str, ...], tuple[Any, ...] | None]:
    """Return the class names and, for a column that is no ``ClassLabel``, the value that stands for each class.

    Args:
        feature: The column's.
        values: A label a row.
        column: Its name.
        named: The user named the column.

    Raises:
        UserError: A row has no label, or the values look like a measurement or are of a type that is no class.
    """
    if isinstance(feature, ClassLabel):
        _say_single(feature.names, column)
        return tuple(feature.names), None
    check_label(feature, column)
    if None in values:
        raise UserError(f"row {values.index(None)} has no value in column {column!r}: filter such rows out first")
    if feature.dtype.startswith("float"):
        empty = next((row for row, value in enumerate(values) if value != value), None)
        if empty is not None:
            raise UserError(f"row {empty} has no value in column {column!r} (nan): filter such rows out first")
        row = next((row for row, value in enumerate(values) if not value.is_integer()), None)
        if row is not None:
            raise UserError(
                f"column {column!r} holds real numbers ({feature.dtype}; row {row}: {values[row]}), not classes: set "
                "--data.target=values to learn them, or name another column with --data.label_column"
            )
    table = tuple(sorted(set(values)))
    _say_single(table, column)
    if not named and len(table) > max(_MANY, len(values) // 2):
        learn = "" if "string" in feature.dtype else "set --data.target=values to learn them as real values, or "
        raise UserError(
            f"column {column!r} has {len(table)} different values in {len(values)} rows, which look like no classes: "
            f"{learn}name the label's column with --data.label_column"
        )
    return tuple(str(value) for value in table), table


def _say_single(classes: Sequence[Any], column: str) -> None:
    if len(classes) == 1:
        said = shorten(printable(str(classes[0])), 60)
        logger.warning(
            "column %r has a single class, %r: there is nothing to tell apart, and accuracies are 100 %%", column, said
        )


def class_indices(
    feature: Any,
    values: Sequence[Any],
    classes: Sequence[str],
    label_values: Sequence[Any] | None,
    column: str,
) -> Tensor:
    """Return the class index of every row's label, ``(N,)``: the class that has the label's name.

    Two splits may count the same classes in another order, or one of them as text.

    Args:
        feature: The column's feature in this split.
        values: Its labels.
        classes: The class names.
        label_values: What stands for each class where the training split's column is no ``ClassLabel``.
        column: Its name.

    Raises:
        UserError: A row has no label or one that is no class.
    """
    table = _class_table(feature, values, classes, label_values)
    found = [table.get(value) for value in values]
    if None in found:
        row = found.index(None)
        raise UserError(_no_class(feature, row, values[row], classes, column))
    return torch.tensor(found, dtype=torch.int64)


def _class_table(
    feature: Any, values: Sequence[Any], classes: Sequence[str], label_values: Sequence[Any] | None
) -> dict[Any, int]:
    """Return the class of every label that has one."""
    index = {name: place for place, name in enumerate(classes)}
    if isinstance(feature, ClassLabel):
        return {place: index[name] for place, name in enumerate(feature.names) if name in index}
    found = set(values) - {None}
    by_value = {value: place for place, value in enumerate(label_values or ())}
    if found & by_value.keys():
        return by_value
    by_name = {value: index[str(value)] for value in found if str(value) in index}
    if by_name or label_values is not None:
        return by_name
    return {value: value for value in found if isinstance(value, int) and 0 <= value < len(classes)}


def _no_class(feature: Any, row: int, value: Any, classes: Sequence[str], column: str) -> str:
    if value is None:
        return f"row {row} has no value in column {column!r}: filter such rows out first"
    named = isinstance(feature, ClassLabel) and 0 <= value < len(feature.names)
    if not named and isinstance(value, int):
        size = len(feature.names) if isinstance(feature, ClassLabel) else len(classes)
        return f"row {row} has label {value} in column {column!r}; labels are 0 to {size - 1}"
    said = shorten(printable(feature.names[value] if named else str(value)), 60)
    known = shorten(", ".join(map(printable, classes)), 100)
    return (
        f"row {row} has class {said!r} in column {column!r}, and the training split has only {known}: filter such rows "
        "out first"
    )
