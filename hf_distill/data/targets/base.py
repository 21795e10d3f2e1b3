"""Target: what is learned from an input."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import pyarrow as pa
from torch import Tensor

if TYPE_CHECKING:
    from hf_distill.data.spec import DataSpec

Labels = Mapping[str, Sequence[Any]]
"""Label columns of some rows: a value a row."""


@dataclass(frozen=True)
class Learned:
    """What the label columns of the training split tell of a target: fields of the specification.

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
        keeps_source: Selected samples are published with the labels that the source holds, of which targets do not tell
            all.
        stratified: Rows are held out in the proportions of the values of the label column.
    """

    name: ClassVar[str]
    suffix: ClassVar[str]
    stratified: ClassVar[bool] = False
    keeps_source: ClassVar[bool] = False

    @abstractmethod
    def takes(self, features: Sequence[Any]) -> bool:
        """Whether this is what label columns of such features mean where nobody says."""

    @abstractmethod
    def check(self, features: Mapping[str, Any]) -> None:
        """Refuse label columns whose values cannot be read as this target, or not be published.

        Raises:
            UserError: There is one.
        """

    @abstractmethod
    def learn(self, features: Mapping[str, Any], values: Labels, named: bool) -> Learned:
        """Return what the training split's label columns tell.

        Args:
            features: Theirs.
            values: Their values.
            named: The user named them.

        Raises:
            UserError: A row has no label, or the values are not of this target.
        """

    @abstractmethod
    def read(self, features: Mapping[str, Any], values: Labels, learned: Learned) -> Tensor:
        """Return the targets of rows of any split, ``(N,)`` or ``(N, outputs)``.

        Args:
            features: Of the label columns in this split.
            values: Theirs.
            learned: What the training split told.

        Raises:
            UserError: A row has no label or one that the training split does not know.
        """

    @abstractmethod
    def group_of(self, targets: Tensor) -> Tensor:
        """Return the group of every row ``(N,)``, of whatever a set may learn for its target: class probabilities."""

    @abstractmethod
    def mean_of(self, targets: Tensor) -> Tensor:
        """Return the target of a sample that stands for all rows of a group, without the leading axis."""

    @abstractmethod
    def published(self, spec: DataSpec, y: Tensor) -> Tensor:
        """Return what is published of whatever a set learned: the likeliest class; numbers as they can be stored."""

    @abstractmethod
    def outputs(self, spec: DataSpec) -> int:
        """Return how many outputs a network has."""

    @abstractmethod
    def groups(self, spec: DataSpec) -> int:
        """Return how many groups there are."""

    @abstractmethod
    def group_name(self, spec: DataSpec, group: int) -> str:
        """Return what a group is called in messages."""

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


class OneGroup(Target):
    """A target ``(N, outputs)`` of numbers: all rows are one group."""

    def group_of(self, targets: Tensor) -> Tensor:
        """See :class:`Target`."""
        return targets.new_zeros(len(targets)).long()

    def mean_of(self, targets: Tensor) -> Tensor:
        """See :class:`Target`."""
        return targets.mean(0)

    def groups(self, spec: DataSpec) -> int:
        """See :class:`Target`."""
        return 1

    def group_name(self, spec: DataSpec, group: int) -> str:
        """See :class:`Target`."""
        return "the training split"
