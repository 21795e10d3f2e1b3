"""Which columns are the input, which one the class."""

from __future__ import annotations

import fnmatch
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from datasets import Array2D, Array3D, Array4D, Array5D, ClassLabel, Features, LargeList, List, Value

from hf_distill.data.kinds.base import Kind
from hf_distill.data.kinds.table import kinds
from hf_distill.data.targets.base import Target
from hf_distill.data.targets.table import target_named, target_of
from hf_distill.errors import UserError
from hf_distill.text import printable, shorten

#: What people call the column of the classes.
LABEL_NAMES = ("label", "labels", "target", "class", "y", "fine_label", "cls")
_ARRAYS = (Array2D, Array3D, Array4D, Array5D)
#: What a vector of several columns is called where it is published.
JOINED = "features"

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Columns:
    """The source's columns that are read.

    Attributes:
        inputs: One column of images or lists of numbers, or columns of single numbers that are joined to a vector.
        labels: The columns of what is learned: one of classes, mostly.
        feature: The feature of the input; that of one number where columns are joined.
        kind: What the input is.
        goal: What is learned.
        features: All of the source's.
        parts: Of an input of several kinds, the columns of each.
    """

    inputs: tuple[str, ...]
    labels: tuple[str, ...]
    feature: Any
    kind: Kind
    goal: Target
    features: Mapping[str, Any] = field(default_factory=dict)
    parts: tuple[Columns, ...] = ()

    @property
    def joined(self) -> bool:
        """Whether single numbers are joined to a vector."""
        return is_number(self.feature)

    def of(self, features: Mapping[str, Any], *, named: bool, table: Any) -> Columns:
        """Return the columns by the kind that they are of now, settled by it."""
        own = [features[name] for name in self.inputs]
        kind = next(kind for kind in kinds() if kind.joins(own))
        return kind.settled(replace(self, kind=kind, feature=joined_feature(own), features=features), table, named)

    @property
    def label(self) -> str:
        """The first label column."""
        return self.labels[0]

    @property
    def all(self) -> list[str]:
        """All of them."""
        return [*self.inputs, *self.labels]

    @property
    def options(self) -> set[str]:
        """Names of the options that are for inputs of these kinds."""
        return {name for part in self.parts or (self,) for name in part.kind.options}

    @property
    def input(self) -> str:
        """The published input column."""
        if not self.joined:
            return self.inputs[0]
        return JOINED if JOINED not in self.labels else f"{JOINED}_"


def is_number(feature: Any) -> bool:
    """Whether a column holds single numbers, or true and false."""
    return isinstance(feature, Value) and (
        feature.dtype == "bool" or feature.dtype.startswith(("float", "int", "uint"))
    )


def is_vector(feature: Any) -> bool:
    """Whether a column holds lists or arrays of numbers, of any depth."""
    if isinstance(feature, _ARRAYS):
        return True
    while isinstance(feature, (List, LargeList)):
        feature = feature.feature
        if is_number(feature):
            return True
    return False


def as_vector(feature: Any, length: int) -> Any:
    """Return the feature of vectors that a column of numbers of any depth is published as."""
    if isinstance(feature, List) and isinstance(feature.feature, Value):
        return feature
    while isinstance(feature, (List, LargeList)):
        feature = feature.feature
    return List(Value(feature.dtype), length=length)


def find_columns(
    features: Features,
    inputs: str | list[str] | None,
    label: str | list[str] | None,
    first: dict[str, Any] | None = None,
    target: str = "auto",
) -> Columns:
    """Return the input and the label column, inferred where they are not given.

    Args:
        features: The source's.
        inputs: The user's choice: a column, a pattern such as ``pixel*``, or several columns of numbers.
        label: The user's choice.
        first: A row of the source, for messages.
        target: What is learned, by its name; ``auto`` for what the label columns look like.

    Raises:
        UserError: A named column does not exist or has an unusable type, or the choice is not unique.
    """
    row = first or {}
    named = [label] if isinstance(label, str) else list(label or ())
    missing = next((name for name in named if name not in features), None)
    if missing is not None:
        raise UserError(f"no column {missing!r}; set --data.label_column to one of {listed(features)}")
    if len(set(named)) < len(named) or (label is not None and not named):
        raise UserError(f"data.label_column is {label!r}; name one column or more, each once")
    chosen = _chosen(features, inputs, named)
    labels = tuple(named or [_label(features, chosen, row)])
    goal = target_of([features[name] for name in labels]) if target == "auto" else target_named(target)
    if len(labels) == 1 and goal.name == "classes":
        _check_class(features[labels[0]], labels[0], row)
    if chosen is None:
        chosen = _inferred(features, labels, row)
    found = next((name for name in labels if name in chosen), None)
    if found is not None:
        raise UserError(
            f"column {found!r} is the label and cannot be an input too: leave it out of --data.input_column"
        )
    found_features = [features[name] for name in chosen]
    if len(chosen) == 1:
        kind = next((kind for kind in kinds() if kind.takes(found_features[0])), None)
        if kind is not None:
            return Columns(tuple(chosen), labels, found_features[0], kind, goal, features)
    kind = next((kind for kind in kinds() if kind.joins(found_features)), None)
    if kind is None:
        name = next(name for name in chosen if not is_number(features[name]))
        what = _nouns() if len(chosen) == 1 else "a number each"
        raise UserError(f"column {name!r} is {_said(features[name], row.get(name))}; {what} is needed")
    return Columns(tuple(chosen), labels, joined_feature(found_features), kind, goal, features)


def _nouns() -> str:
    *nouns, last = dict.fromkeys(kind.noun for kind in kinds())
    return f"{', '.join(nouns)} or {last}"


def joined_feature(features: Sequence[Any]) -> Any:
    """Return the feature of numbers that holds those of all columns, or None where some are no numbers."""
    if not all(map(is_number, features)):
        return None
    return Value(np.result_type(*(np.dtype(Value(kind.dtype)().to_pandas_dtype()) for kind in features)).name)


def _chosen(features: Features, inputs: str | list[str] | None, labels: Sequence[str]) -> list[str] | None:
    """Return the columns that the user names."""
    if inputs is None:
        return None
    chosen: list[str] = []
    for name in [inputs] if isinstance(inputs, str) else inputs:
        if name in features:
            chosen.append(name)
            continue
        pattern = set("*?[") & set(name)
        matches = [column for column in fnmatch.filter(features, name) if pattern and column not in labels]
        if not matches:
            raise UserError(f"no column {name!r}; set --data.input_column to one of {listed(features)}")
        chosen += matches
    if not chosen or len(set(chosen)) < len(chosen):
        raise UserError(f"data.input_column is {inputs!r}; name one column or more, each once")
    return chosen


def _label(features: Features, chosen: list[str] | None, row: dict[str, Any]) -> str:
    """Return the column that looks like the class."""
    free = {name: feature for name, feature in features.items() if name not in (chosen or ())}
    labels = [name for name, feature in free.items() if isinstance(feature, ClassLabel)]
    called = [name for name in labels if name.lower() in LABEL_NAMES]
    if len(labels) > 1 and len(called) == 1:
        others = listed(name for name in labels if name != called[0])
        logger.warning("column %r is taken for the class; so could be %s (--data.label_column)", called[0], others)
        labels = called
    if not labels:
        # Of a structure that was taken apart, the last part is the name.
        named = [[key for key in free if key.split(".")[-1].lower() == name] for name in LABEL_NAMES]
        fitting = [[key for key in keys if isinstance(free[key], (Value, List))] for keys in named]
        labels = next((keys for keys in fitting if keys), [])
    if not labels:  # an input and one column beside it, or numbers and one column of text
        rest = [name for name, kind in free.items() if isinstance(kind, Value)]
        texts = [name for name in rest if "string" in features[name].dtype]
        labels = rest if len(rest) == 1 < len(features) else texts if len(rest) == len(features) else []
    if not labels and len(features) == 1:
        raise UserError(
            f"the only column is {next(iter(features))!r}, and a label is needed beside it: add a column, in a folder "
            "of files a sub-folder for each class, or choose whole rows without labels (--config=coreset_text)"
        )
    return _only(labels, "a ClassLabel", "label_column", free, "" if labels else _seen(features, row))


def _check_class(feature: Any, column: str, row: dict[str, Any]) -> None:
    if isinstance(feature, (List, LargeList, dict)) or not isinstance(feature, (ClassLabel, Value)):
        several = (
            "; for several labels a row set --data.target=labels" if isinstance(feature, (List, LargeList)) else ""
        )
        raise UserError(
            f"column {column!r} is {_said(feature, row.get(column))}; a ClassLabel or a plain value is needed{several}"
        )


def _inferred(every: Features, labels: Sequence[str], row: dict[str, Any]) -> list[str]:
    """Return the only column of the first kind that there is any of, else all numbers but the label."""
    candidates: list[str] = []
    features = Features({name: feature for name, feature in every.items() if name not in labels})
    for kind in kinds():
        candidates = kind.candidates(features, labels[0], row)
        if len(candidates) == 1:
            return candidates
        if candidates:
            break
    numbers = [name for name, feature in features.items() if is_number(feature)]
    # Several columns together: numbers, and categories beside them or alone.
    mixed = [name for name, feature in features.items() if any(kind.mixes(feature) for kind in kinds())]
    classes = [name for name in mixed if isinstance(features[name], ClassLabel)]
    if candidates or not (numbers or len(classes) > 1):
        if not features:
            raise UserError(f"there is nothing beside the label {listed(labels)}: add columns that it is told from")
        _only(candidates, _nouns(), "input_column", features, _seen(every, row))
    return mixed


def say_joined(columns: Columns, features: Features) -> None:
    """Say which columns are joined to a vector, and which are not read."""
    rest = [
        f"{name} (it is empty)" if getattr(features[name], "dtype", "") == "null" else name
        for name in features
        if name not in columns.all
    ]
    logger.warning(
        "%d columns of numbers (%s) are joined to one vector%s",
        len(columns.inputs),
        listed(columns.inputs),
        f"; left out: {listed(rest)}" if rest else "",
    )


def _only(candidates: list[str], kind: str, option: str, features: Mapping[str, Any], seen: str = "") -> str:
    if len(candidates) == 1:
        return candidates[0]
    found = f"several columns are ({', '.join(candidates)})" if candidates else f"no column is{seen}"
    raise UserError(f"{option} must be {kind} and {found}: set --data.{option} to one of {listed(features)}")


def _seen(features: Features, row: dict[str, Any]) -> str:
    seen = ", ".join(f"{name} is {_said(feature, row.get(name))}" for name, feature in features.items())
    return f" ({shorten(printable(seen), 300)})"


def listed(columns: Iterable[str]) -> str:
    """Return names of columns for a message, the first and last of many."""
    names = [printable(str(name)) for name in columns]
    return ", ".join(names) if len(names) <= 24 else f"{', '.join(names[:10])}, ... {', '.join(names[-3:])}"


def _said(feature: Any, value: Any) -> str:
    """Return a column's type and, where it is short, a value of it."""
    text = "" if value is None or not isinstance(feature, Value) else shorten(printable(repr(value)), 40)
    return f"{feature}" + (f", {text} for example" if text else "")
