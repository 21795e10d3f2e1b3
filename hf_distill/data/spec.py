"""DataSpec: what a dataset's samples are, and the only place that normalises and denormalises."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from hf_distill.data.kinds.base import Kind
from hf_distill.data.kinds.table import kind_named, kind_of_task
from hf_distill.data.targets.base import Target
from hf_distill.data.targets.table import target_named
from hf_distill.errors import UserError

#: Standard deviations that a vector may lie away from zero and still keep four digits of what varies in float32.
FAR = 1e3


@dataclass(frozen=True)
class DataSpec:
    """What the samples of a dataset are.

    Attributes:
        task: In the Hub's terms: ``"image-classification"``, ``"tabular-classification"``.
        input_column: The source's column with the image or the vector.
        label_column: The source's column with the class, or the first one of the target.
        shape: Shape of one input: ``(C, H, W)`` for images, ``(D,)`` for vectors.
        classes: Class names, in the order of the class indices.
        label_values: The value that stands for each class in the source's label column where that column is no
            ``ClassLabel`` (``None`` where it is: the index is the value).
        mean, std: Statistics of the training split, per channel (images, in [0, 1]) or per element (vectors).
        features: The two columns' ``datasets.Features`` as a dictionary, in the source's order.
        source: Where the data came from: ``path``, ``name``, ``revision``, ``split``, ``fingerprint``, ``license``.
        num_rows: Rows of the training split.
        class_counts: Rows of each class in it.
        transform: What :class:`~hf_distill.data.VectorTransform` did to every vector (its configuration), or None.
            All of the above is said of the transformed vectors, and these are what is published.
        scale: The source's numbers that 0 and 255 stand for, of images with more than 8 bits (12 or 16 bits, 32-bit
            integers, reals); None of all others.
        columns: The source's columns of numbers that are joined to the vector, where ``input_column`` is none of its;
            all input columns where these are cells or of several kinds.
        kind: What the inputs are, a name in :data:`~hf_distill.data.kinds.table.KINDS`; by default the first kind of
            the task.
        target: What is learned, a name in :data:`~hf_distill.data.targets.table.TARGETS`.
        about: The kind's own facts, JSON: a sampling rate, a tokenizer, the parts of inputs of several kinds.
        target_about: The target's own facts, JSON.

    Examples:
        >>> from hf_distill import RealData
        >>> spec = RealData(path="digits").setup().spec
        >>> spec.num_classes, spec.bits_per_value, spec.bits_per_label
        (10, 8, 4)
    """

    task: str
    input_column: str
    label_column: str
    shape: tuple[int, ...]
    classes: tuple[str, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    features: dict[str, Any]
    label_values: tuple[Any, ...] | None = None
    source: dict[str, Any] = field(default_factory=dict)
    num_rows: int = 0
    class_counts: tuple[int, ...] = ()
    transform: dict[str, Any] | None = None
    scale: tuple[float, float] | None = None
    columns: tuple[str, ...] = ()
    kind: str = ""
    target: str = "classes"
    about: dict[str, Any] = field(default_factory=dict)
    target_about: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.kind:
            object.__setattr__(self, "kind", kind_of_task(self.task))

    @property
    def form(self) -> Kind:
        """What the inputs are."""
        return kind_named(self.kind)

    @property
    def goal(self) -> Target:
        """What is learned from them."""
        return target_named(self.target)

    @property
    def num_classes(self) -> int:
        """Number of classes."""
        return len(self.classes)

    @property
    def label_columns(self) -> tuple[str, ...]:
        """The source's columns with the target: one, or several numbers or labels."""
        return tuple(self.target_about.get("columns") or (self.label_column,))

    @property
    def num_outputs(self) -> int:
        """Outputs of a network: of classes, as many as there are."""
        return self.goal.outputs(self)

    @property
    def num_groups(self) -> int:
        """Groups that rows are sampled, selected, matched and balanced by: the classes, or one where there are none."""
        return self.goal.groups(self)

    def group_name(self, group: int) -> str:
        """Return what a group is called in messages."""
        return self.goal.group_name(self, group)

    @property
    def bits_per_value(self) -> int:
        """Bits of one stored value in the source: 8 for images, the width of the column's type for vectors."""
        return self.form.bits_per_value(self)

    @property
    def bits_per_label(self) -> int:
        """Bits of the target of one stored row: of a class, ``ceil(log2(classes))``."""
        return self.goal.bits(self)

    @property
    def value_dtype(self) -> np.dtype:
        """Type of one stored value: uint8 for images, the column's own for vectors."""
        return self.form.value_dtype(self)

    def statistics(self, like: Tensor, dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor]:
        """Return mean and standard deviation, shaped to broadcast against ``(B, *shape)``."""
        size = self.form.statistics_shape(self)
        mean, std = (torch.tensor(v, device=like.device, dtype=dtype).reshape(size) for v in (self.mean, self.std))
        return mean, std

    def normalize(self, raw: Tensor) -> Tensor:
        """Turn stored values (images of 0 to 255, vectors) into the networks' float32 inputs of the same shape.

        Vectors in double precision are centred in double precision.
        """
        return self.form.normalize(self, raw)

    def denormalize(self, x: Tensor) -> Tensor:
        """Turn inputs ``(B, *shape)`` into what is stored: clipped and rounded uint8 images, or float vectors."""
        return self.form.denormalize(self, x)

    def limits(self, like: Tensor) -> tuple[Tensor, Tensor] | None:
        """Return the smallest and largest input that can be stored (black and white), or None for vectors."""
        return self.form.limits(self, like)

    def contents(self) -> str:
        """Say what a set holds, without their number."""
        return self.goal.contents(self)

    def made_up(self) -> tuple[Tensor, Tensor]:
        """Return two rows of the mean input and their targets, to try with whether such data can be written."""
        return self.form.made_up(self, 2), self.goal.made_up(self)

    def with_few(self, most: int) -> DataSpec:
        """Return the specification with so many classes at most."""
        return self.goal.with_few(self, most)

    def class_index(self, name: str) -> int:
        """Return the index of a class name."""
        if name not in self.classes:
            raise UserError(f"no class {name!r}; the classes are {', '.join(self.classes)}")
        return self.classes.index(name)

    def to_dict(self) -> dict[str, Any]:
        """Return the specification as JSON; what the task tells, and what is as it mostly is, is left out."""
        values = asdict(self)
        if self.kind == kind_of_task(self.task):
            del values["kind"]
        for key, usual in (("target", "classes"), ("about", {}), ("target_about", {})):
            if values[key] == usual:
                del values[key]
        return values

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> DataSpec:
        """Rebuild a specification from :meth:`to_dict`."""
        values = dict(values)
        for key in ("shape", "classes", "mean", "std", "label_values", "class_counts", "scale", "columns"):
            if isinstance(values.get(key), list):
                values[key] = tuple(values[key])
        return cls(**values)
