"""ClassTarget: one class a row."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import torch
from datasets import LargeList, List
from torch import Tensor

from hf_distill.data.batch import hardened
from hf_distill.data.labels import check_label, class_indices, label_table
from hf_distill.data.targets.base import Labels, Learned, Target
from hf_distill.errors import ArtifactError, UserError
from hf_distill.text import said

if TYPE_CHECKING:
    from hf_distill.data.spec import DataSpec


class ClassTarget(Target):
    """Class indices ``(N,)``, published as the source has its classes: a ``ClassLabel``, or the source's own values."""

    name = "classes"
    suffix = "classification"
    stratified = True

    def takes(self, features: Sequence[Any]) -> bool:
        """See :class:`Target`."""
        return len(features) == 1 and not isinstance(features[0], (List, LargeList))

    def check(self, features: Mapping[str, Any]) -> None:
        """See :class:`Target`."""
        if len(features) > 1:
            raise UserError(
                f"a class is one column, and data.label_column names {len(features)}: set --data.target to labels or "
                "values"
            )
        for column, feature in features.items():
            check_label(feature, column)

    def learn(self, features: Mapping[str, Any], values: Labels, named: bool) -> Learned:
        """See :class:`Target`."""
        ((column, feature),) = features.items()
        return Learned(*label_table(feature, values[column], column, named))

    def read(self, features: Mapping[str, Any], values: Labels, learned: Learned) -> Tensor:
        """See :class:`Target`."""
        ((column, feature),) = features.items()
        return class_indices(feature, values[column], learned.classes, learned.label_values, column)

    def group_of(self, targets: Tensor) -> Tensor:
        """See :class:`Target`: of class probabilities, the likeliest class."""
        return hardened(targets)

    def mean_of(self, targets: Tensor) -> Tensor:
        """See :class:`Target`."""
        return targets[0]

    def published(self, spec: DataSpec, y: Tensor) -> Tensor:
        """See :class:`Target`."""
        return hardened(y).detach().cpu().long()

    def outputs(self, spec: DataSpec) -> int:
        """See :class:`Target`."""
        return len(spec.classes)

    def groups(self, spec: DataSpec) -> int:
        """See :class:`Target`."""
        return len(spec.classes)

    def group_name(self, spec: DataSpec, group: int) -> str:
        """See :class:`Target`."""
        return f"class {spec.classes[group]!r}"

    def contents(self, spec: DataSpec) -> str:
        """See :class:`Target`."""
        return f"samples of {len(spec.classes)} classes"

    def made_up(self, spec: DataSpec) -> Tensor:
        """See :class:`Target`."""
        return torch.tensor([0, len(spec.classes) - 1])

    def with_few(self, spec: DataSpec, most: int) -> DataSpec:
        """See :class:`Target`."""
        if len(spec.classes) <= most:
            return spec
        column = spec.features[spec.label_column]
        names = {"names": list(spec.classes[:most])} if "names" in column else {}
        return replace(
            spec,
            classes=spec.classes[:most],
            label_values=spec.label_values and spec.label_values[:most],
            class_counts=spec.class_counts[:most],
            features={**spec.features, spec.label_column: {**column, **names}},
        )

    def bits(self, spec: DataSpec) -> int:
        """See :class:`Target`: ``ceil(log2(classes))``."""
        return math.ceil(math.log2(max(len(spec.classes), 2)))

    def write(self, spec: DataSpec, y: Tensor) -> dict[str, list[Any]]:
        """See :class:`Target`."""
        labels = y.tolist() if spec.label_values is None else [spec.label_values[index] for index in y.tolist()]
        return {spec.label_column: labels}

    def read_back(self, spec: DataSpec, table: pa.Table) -> Tensor:
        """See :class:`Target`."""
        labels = table[spec.label_column].to_pylist()
        index = {value: place for place, value in enumerate(spec.label_values or range(len(spec.classes)))}
        wrong = next((value for value in labels if value not in index), None)
        if wrong is not None or None in labels:
            raise ArtifactError(f"column {spec.label_column!r} holds {said(wrong)}, which is no class: it is damaged")
        return torch.tensor([index[value] for value in labels], dtype=torch.int64)
