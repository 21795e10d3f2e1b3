"""DataSpec: what a dataset's samples are, and the only place that normalises and denormalises."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from hf_distill.errors import UserError

#: Standard deviations that a vector may lie away from zero and still keep four digits of what varies in float32.
FAR = 1e3


@dataclass(frozen=True)
class DataSpec:
    """What the samples of a classification dataset are.

    Attributes:
        task: ``"image-classification"`` or ``"tabular-classification"``.
        input_column: The source's column with the image or the vector.
        label_column: The source's column with the class.
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
        columns: The source's columns of numbers that are joined to the vector, where ``input_column`` is none of its.
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

    @property
    def is_image(self) -> bool:
        """Whether the inputs are images (stored as 8-bit integers) or vectors (stored as the source's own type)."""
        return self.task == "image-classification"

    @property
    def num_classes(self) -> int:
        """Number of classes."""
        return len(self.classes)

    @property
    def bits_per_value(self) -> int:
        """Bits of one stored value in the source: 8 for images, the width of the column's type for vectors."""
        return 8 if self.is_image else self.value_dtype.itemsize * 8

    @property
    def bits_per_label(self) -> int:
        """Bits of a hard label, ``ceil(log2(classes))``."""
        return math.ceil(math.log2(max(self.num_classes, 2)))

    @property
    def value_dtype(self) -> np.dtype:
        """Type of one stored value: uint8 for images, the column's own for vectors."""
        if self.is_image:
            return np.dtype(np.uint8)
        feature = self.features[self.input_column]
        inner = feature.get("feature", feature)
        while "feature" in inner:
            inner = inner["feature"]
        return np.dtype({"float": "float32", "double": "float64"}.get(inner["dtype"], inner["dtype"]))

    def statistics(self, like: Tensor, dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor]:
        """Return mean and standard deviation, shaped to broadcast against ``(B, *shape)``."""
        size = (-1,) + (1,) * (len(self.shape) - 1) if self.is_image else self.shape
        mean, std = (torch.tensor(v, device=like.device, dtype=dtype).reshape(size) for v in (self.mean, self.std))
        return mean, std

    def normalize(self, raw: Tensor) -> Tensor:
        """Turn stored values (images of 0 to 255, vectors) into the networks' float32 inputs of the same shape.

        Vectors in double precision are centred in double precision.
        """
        if raw.dtype == torch.float64 and not self.is_image:
            mean, std = self.statistics(raw, torch.float64)
            return ((raw - mean) / std).float()
        mean, std = self.statistics(raw)
        value = raw.float() / 255 if self.is_image else raw.float()
        return (value - mean) / std

    def denormalize(self, x: Tensor) -> Tensor:
        """Turn inputs ``(B, *shape)`` into what is stored: clipped and rounded uint8 images, or float vectors."""
        kind = torch.float64 if self._is_wide else torch.float32
        mean, std = self.statistics(x, kind)
        value = x.detach().to(kind) * std + mean
        if self.is_image:
            return (value.clamp(0, 1) * 255).round().to(torch.uint8)
        if self.value_dtype.kind in "iub":
            least, most = (0, 1) if self.value_dtype.kind == "b" else _limits(self.value_dtype)
            return value.round().clamp(least, most)
        return value

    @property
    def _is_wide(self) -> bool:
        """Whether single precision would round away what is learned of a vector, which may lie far from zero."""
        if self.is_image or self.value_dtype.itemsize < 4 or self.value_dtype == np.float32:
            return False
        return self.value_dtype.kind in "iu" or any(
            abs(mean) > FAR * std for mean, std in zip(self.mean, self.std, strict=True)
        )

    def limits(self, like: Tensor) -> tuple[Tensor, Tensor] | None:
        """Return the smallest and largest input that can be stored (black and white), or None for vectors."""
        if not self.is_image:
            return None
        mean, std = self.statistics(like)
        return -mean / std, (1 - mean) / std

    def class_index(self, name: str) -> int:
        """Return the index of a class name."""
        if name not in self.classes:
            raise UserError(f"no class {name!r}; the classes are {', '.join(self.classes)}")
        return self.classes.index(name)

    def to_dict(self) -> dict[str, Any]:
        """Return the specification as JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> DataSpec:
        """Rebuild a specification from :meth:`to_dict`."""
        values = dict(values)
        for key in ("shape", "classes", "mean", "std", "label_values", "class_counts", "scale", "columns"):
            if isinstance(values.get(key), list):
                values[key] = tuple(values[key])
        return cls(**values)


def _limits(dtype: np.dtype) -> tuple[float, float]:
    """Return the least and the greatest real number of double precision that an integer type holds."""
    least, most = float(np.iinfo(dtype).min), float(np.iinfo(dtype).max)
    return least, most if int(most) <= np.iinfo(dtype).max else float(np.nextafter(most, 0.0))
