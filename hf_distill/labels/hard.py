"""HardLabels: a class a sample."""

from __future__ import annotations

from torch import Tensor

from hf_distill.data.spec import DataSpec
from hf_distill.labels.base import Labels
from hf_distill.labels.values import ValueLabels


class HardLabels(Labels):
    """The number of each sample's class; of class probabilities, of the likeliest.

    Examples:
        >>> import torch
        >>> from hf_distill import HardLabels, RealData
        >>> labels, spec = HardLabels(), RealData().setup().spec
        >>> labels.initialize(torch.tensor([3, 7]), spec)
        >>> labels.classes().tolist(), labels.bits(spec)  # four bits for each of ten classes
        ([3, 7], 8)
    """

    y: Tensor

    def __init__(self) -> None:
        super().__init__()

    def suited(self, spec: DataSpec) -> Labels:
        """See :class:`Labels`: of data without classes, the targets as they are."""
        return self if spec.target == "classes" else ValueLabels(learned=False)

    def initialize(self, y: Tensor, spec: DataSpec) -> None:
        """See :class:`Labels`."""
        self.register_buffer("y", (y.argmax(-1) if y.is_floating_point() else y).detach().clone())

    def decode(self, codes: dict[str, Tensor]) -> Tensor:
        """See :class:`Labels`."""
        return self.y

    def classes(self) -> Tensor:
        """See :class:`Labels`."""
        return self.y

    def named(self, spec: DataSpec, samples: int) -> int:
        """See :class:`Labels`."""
        return samples

    def keep(self, index: Tensor) -> None:
        """See :class:`Labels`."""
        self.y = self.y[index]
