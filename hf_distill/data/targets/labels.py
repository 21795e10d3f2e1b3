"""LabelTarget: several labels a row, each of which it has or has not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import torch
from datasets import ClassLabel, LargeList, List, Value
from torch import Tensor

from hf_distill.data.columns import is_number
from hf_distill.data.targets.base import Labels, Learned, OneGroup
from hf_distill.errors import ArtifactError, UserError
from hf_distill.text import printable, said, shorten

if TYPE_CHECKING:
    from hf_distill.data.spec import DataSpec


class LabelTarget(OneGroup):
    """0 or 1 for every label ``(N, labels)``: of one column with a list of labels, or of a column of 0 and 1 each."""

    name = "labels"
    suffix = "classification"

    def takes(self, features: Sequence[Any]) -> bool:
        """See :class:`Target`: a list of classes or texts, or several columns of true and false."""
        if len(features) == 1:
            return _inner(features[0]) is not None
        return all(isinstance(feature, Value) and feature.dtype == "bool" for feature in features)

    def check(self, features: Mapping[str, Any]) -> None:
        """See :class:`Target`."""
        for name, feature in features.items():
            if len(features) == 1 and _inner(feature) is None:
                raise UserError(
                    f"column {name!r} is {feature}, and --data.target=labels needs a List of ClassLabel, of text or of "
                    "whole numbers, or several columns of 0 and 1"
                )
            if len(features) > 1 and not is_number(feature):
                raise UserError(f"column {name!r} is {feature}, and of several labels each is a column of 0 and 1")

    def learn(self, features: Mapping[str, Any], values: Labels, named: bool) -> Learned:
        """See :class:`Target`."""
        if len(features) > 1:
            return Learned(tuple(features), about={"columns": list(features)})
        (column, feature), (rows,) = next(iter(features.items())), values.values()
        inner = _inner(feature)
        if isinstance(inner, ClassLabel):
            return Learned(tuple(inner.names))
        table = tuple(sorted({label for row, own in enumerate(rows) for label in _known(own, row, column)}))
        if not table:
            raise UserError(f"column {column!r} has no label in any row")
        return Learned(tuple(map(str, table)), table)

    def read(self, features: Mapping[str, Any], values: Labels, learned: Learned) -> Tensor:
        """See :class:`Target`."""
        if len(features) > 1:
            return torch.stack([_flags(column, name) for name, column in values.items()], 1)
        (column, feature), (rows,) = next(iter(features.items())), values.values()
        inner = _inner(feature)
        names = inner.names if isinstance(inner, ClassLabel) else None
        index: dict[Any, int] = {name: place for place, name in enumerate(learned.classes)}
        found = torch.zeros(len(rows), len(learned.classes))
        for row, own in enumerate(rows):
            for label in _known(own, row, column):
                name = names[label] if names is not None else str(label)
                if name not in index:
                    raise UserError(
                        f"row {row} has label {shorten(printable(name), 60)!r} in column {column!r}, and the training "
                        "split has none of that name: filter such rows out first"
                    )
                found[row, index[name]] = 1
        return found

    def published(self, spec: DataSpec, y: Tensor) -> Tensor:
        """See :class:`Target`: the labels that are likelier than not."""
        return (y.detach().cpu() > 0.5).float()

    def outputs(self, spec: DataSpec) -> int:
        """See :class:`Target`."""
        return len(spec.classes)

    def contents(self, spec: DataSpec) -> str:
        """See :class:`Target`."""
        return f"samples with some of {len(spec.classes)} labels"

    def made_up(self, spec: DataSpec) -> Tensor:
        """See :class:`Target`."""
        one = torch.ones(1, len(spec.classes))
        return torch.cat((0 * one, one))

    def bits(self, spec: DataSpec) -> int:
        """See :class:`Target`: one a label."""
        return len(spec.classes)

    def write(self, spec: DataSpec, y: Tensor) -> dict[str, list[Any]]:
        """See :class:`Target`."""
        if len(spec.label_columns) > 1:
            kinds = [bool if spec.features[name]["dtype"] == "bool" else int for name in spec.label_columns]
            columns = zip(spec.label_columns, kinds, y.T.tolist(), strict=True)
            return {name: [kind(value) for value in own] for name, kind, own in columns}
        values = spec.label_values or range(len(spec.classes))
        return {spec.label_column: [[values[place] for place in row.nonzero()[:, 0].tolist()] for row in y]}

    def read_back(self, spec: DataSpec, table: pa.Table) -> Tensor:
        """See :class:`Target`."""
        if len(spec.label_columns) > 1:
            columns = [table[name].to_pylist() for name in spec.label_columns]
            wrong = next((value for own in columns for value in own if value not in (0, 1)), None)
            if wrong is not None or any(None in own for own in columns):
                raise ArtifactError(f"a label column holds {said(wrong)}, which is neither 0 nor 1: it is damaged")
            return torch.tensor(columns, dtype=torch.float32).T.contiguous()
        index = {value: place for place, value in enumerate(spec.label_values or range(len(spec.classes)))}
        rows = table[spec.label_column].to_pylist()
        found = torch.zeros(len(rows), len(index))
        for row, own in enumerate(rows):
            wrong = next((value for value in own or () if value not in index), None)
            if own is None or wrong is not None:
                raise ArtifactError(f"column {spec.label_column!r} holds {said(wrong)}, which is no label: damaged")
            found[row, [index[value] for value in own]] = 1
        return found


def _inner(feature: Any) -> Any:
    """Return the feature of the labels in a list, or None where there is no list of labels."""
    inner = feature.feature if isinstance(feature, (List, LargeList)) else None
    plain = isinstance(inner, Value) and ("string" in inner.dtype or inner.dtype.startswith(("int", "uint")))
    return inner if plain or isinstance(inner, ClassLabel) else None


def _known(labels: Any, row: int, column: str) -> Sequence[Any]:
    if labels is None or None in labels:
        raise UserError(f"row {row} has no value in column {column!r}: filter such rows out first")
    known: Sequence[Any] = labels
    return known


def _flags(values: Sequence[Any], column: str) -> Tensor:
    row = next((row for row, value in enumerate(values) if value not in (0, 1)), None)
    if row is not None:
        raise UserError(
            f"row {row} holds {said(values[row])} in column {column!r}, which is neither 0 nor 1: for real numbers set "
            "--data.target=values"
        )
    return torch.tensor([float(value) for value in values])
