"""ValueTarget: real numbers, one or many a row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import torch
from datasets import Value
from torch import Tensor

from hf_distill.data.columns import is_number
from hf_distill.data.kinds.vector import limits_of
from hf_distill.data.targets.base import Labels, Learned, OneGroup
from hf_distill.errors import ArtifactError, UserError

if TYPE_CHECKING:
    from hf_distill.data.spec import DataSpec

# As for inputs: larger numbers are slips of the pen or marks of missing values.
_LARGEST = 1e30
# Decimals of a number of the size of its deviation that targets keep, which are float32.
_DIGITS = 6


class ValueTarget(OneGroup):
    """Columns of numbers ``(N, columns)``, less their mean and by their deviation in the training rows."""

    name = "values"
    suffix = "regression"
    keeps_source = True

    def takes(self, features: Sequence[Any]) -> bool:
        """See :class:`Target`: several columns of real numbers; one alone may as well be a slip."""
        return len(features) > 1 and all(map(is_number, features))

    def check(self, features: Mapping[str, Any]) -> None:
        """See :class:`Target`."""
        for name, feature in features.items():
            if not is_number(feature):
                raise UserError(f"column {name!r} is {feature}, and --data.target=values needs numbers")

    def learn(self, features: Mapping[str, Any], values: Labels, named: bool) -> Learned:
        """See :class:`Target`."""
        numbers = _numbers(values)
        constant = next((name for name, column in zip(values, numbers.T, strict=True) if np.ptp(column) == 0), None)
        if constant is not None:
            raise UserError(f"column {constant!r} is {values[constant][0]} in every row: there is nothing to learn")
        about = {"columns": list(values), "mean": numbers.mean(0).tolist(), "std": numbers.std(0).tolist()}
        return Learned(about=about)

    def read(self, features: Mapping[str, Any], values: Labels, learned: Learned) -> Tensor:
        """See :class:`Target`."""
        mean, std = (np.asarray(learned.about[key]) for key in ("mean", "std"))
        return torch.from_numpy((_numbers(values) - mean) / std).float()

    def published(self, spec: DataSpec, y: Tensor) -> Tensor:
        """See :class:`Target`."""
        return self._normalized(spec, self._stored(spec, y.detach().cpu()))

    def outputs(self, spec: DataSpec) -> int:
        """See :class:`Target`."""
        return len(spec.label_columns)

    def contents(self, spec: DataSpec) -> str:
        """See :class:`Target`."""
        return f"samples with {', '.join(spec.label_columns)}"

    def made_up(self, spec: DataSpec) -> Tensor:
        """See :class:`Target`."""
        one = torch.ones(1, self.outputs(spec))
        return torch.cat((-one, one))

    def bits(self, spec: DataSpec) -> int:
        """See :class:`Target`."""
        return sum(8 * dtype.itemsize for dtype in _dtypes(spec))

    def write(self, spec: DataSpec, y: Tensor) -> dict[str, Any]:
        """See :class:`Target`."""
        return {name: pa.array(own) for name, own in self._stored(spec, y).items()}

    def read_back(self, spec: DataSpec, table: pa.Table) -> Tensor:
        """See :class:`Target`."""
        columns = {name: np.asarray(table[name].to_pandas(), np.float64) for name in spec.label_columns}
        for name, own in columns.items():
            if not (np.abs(own) <= _LARGEST).all():
                raise ArtifactError(f"column {name!r} holds numbers that are missing or not finite: it is damaged")
        return self._normalized(spec, columns)

    def _stored(self, spec: DataSpec, y: Tensor) -> dict[str, np.ndarray]:
        """Return the numbers of every column in its own type."""
        mean, std = (np.asarray(spec.target_about[key]) for key in ("mean", "std"))
        # What single precision left of a number with few decimals is that number again.
        digits = _DIGITS - np.floor(np.log10(std)).astype(int)
        exact = y.double().numpy() * std + mean
        numbers = np.stack([own.round(count) for own, count in zip(exact.T, digits.tolist(), strict=True)], 1)
        found = {}
        for name, dtype, own in zip(spec.label_columns, _dtypes(spec), numbers.T, strict=True):
            if dtype.kind in "iu":
                own = own.round().clip(*limits_of(dtype))
            found[name] = own.round().clip(0, 1).astype(bool) if dtype.kind == "b" else own.astype(dtype)
        return found

    def _normalized(self, spec: DataSpec, columns: Mapping[str, np.ndarray]) -> Tensor:
        mean, std = (np.asarray(spec.target_about[key]) for key in ("mean", "std"))
        numbers = np.stack([np.asarray(own, np.float64) for own in columns.values()], 1)
        return torch.from_numpy((numbers - mean) / std).float()


def _dtypes(spec: DataSpec) -> list[np.dtype]:
    return [np.dtype(Value(spec.features[name]["dtype"])().to_pandas_dtype()) for name in spec.label_columns]


def _numbers(values: Labels) -> np.ndarray:
    """Return the numbers of all columns ``(N, columns)`` in double precision."""
    found = np.stack([np.array(column, np.float64) for column in values.values()], 1)  # None becomes NaN
    bad = np.argwhere(~(np.abs(found) <= _LARGEST))
    if len(bad):
        row, place = bad[0]
        raise UserError(
            f"row {row} holds {found[row, place]:g} in column {list(values)[place]!r}, which is missing, not finite or "
            f"beyond {_LARGEST:g}: filter such rows out first"
        )
    return found
