"""Target: what is learned from an input."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import pyarrow as pa
from torch import Tensor

if TYPE_CHECKING:
    from hf_distill.data.spec import DataSpec


@dataclass(frozen=True)
class Learned:
    """What the label column of the training split tells of a target: fields of the specification.

    Attributes:
        classes: Names of the classes or labels.
        label_values: The value that stands for each where the column does not count them.
        about: What else there is to know, JSON.
    """

    classes: tuple[str, ...] = ()
    label_values: tuple[Any, ...] | None = None
    about: dict[str, Any] = field(default_factory=dict)


class Target(ABC):
    """What is learned from an input: recognised, read, grouped, stored and written. Without a state.

    A network has :meth:`outputs`; rows are sampled, selected, matched and balanced by :meth:`groups`. Classes are both;
    of a real number there is one output, and all rows are one group.

    Attributes:
        name: In tables and records.
        suffix: The second word of the Hub's tasks: ``classification``.
        noun: What a column of it holds, in messages.
    """

    name: ClassVar[str]
    suffix: ClassVar[str]
    noun: ClassVar[str]

    @abstractmethod
    def check(self, feature: Any, column: str) -> None:
        """Refuse a column whose values cannot be read as this target, or not be published.

        Raises:
            UserError: It is one.
        """

    @abstractmethod
    def learn(self, feature: Any, values: Sequence[Any], column: str, named: bool) -> Learned:
        """Return what the training split's label column tells.

        Args:
            feature: The column's.
            values: A label a row.
            column: Its name.
            named: The user named it.

        Raises:
            UserError: A row has no label, or the values are not of this target.
        """

    @abstractmethod
    def read(self, feature: Any, values: Sequence[Any], learned: Learned, column: str) -> Tensor:
        """Return the targets of rows of any split, ``(N,)`` or ``(N, outputs)``.

        Args:
            feature: The column's feature in this split.
            values: A label a row.
            learned: What the training split told.
            column: The column's name.

        Raises:
            UserError: A row has no label or one that the training split does not know.
        """

    @abstractmethod
    def group_of(self, targets: Tensor) -> Tensor:
        """Return the group of every row, ``(N,)``."""

    @abstractmethod
    def outputs(self, spec: DataSpec) -> int:
        """Return how many outputs a network has."""

    @abstractmethod
    def groups(self, spec: DataSpec) -> int:
        """Return how many groups there are."""

    def group_name(self, spec: DataSpec, group: int) -> str:
        """Return what a group is called in messages."""
        return f"class {spec.classes[group]!r}"

    @abstractmethod
    def contents(self, spec: DataSpec) -> str:
        """Say what a set holds, without their number: ``samples of 10 classes``."""

    @abstractmethod
    def made_up(self, spec: DataSpec) -> Tensor:
        """Return targets of two rows, the least and the greatest that there are."""

    def with_few(self, spec: DataSpec, most: int) -> DataSpec:
        """Return the specification with so many classes at most."""
        return spec

    @abstractmethod
    def bits(self, spec: DataSpec) -> int:
        """Return the bits of the target of one stored row."""

    @abstractmethod
    def write(self, spec: DataSpec, y: Tensor) -> dict[str, list[Any]]:
        """Return the published label columns of targets, as ``datasets`` takes them."""

    @abstractmethod
    def read_back(self, spec: DataSpec, table: pa.Table) -> Tensor:
        """Read back what :meth:`write` wrote.

        Raises:
            ArtifactError: A row has none that the specification allows.
        """
