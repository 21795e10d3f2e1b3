"""HardLabels: a class a sample."""

from __future__ import annotations

from torch import Tensor

from hf_distill.data.spec import DataSpec
from hf_distill.labels.base import Labels


class HardLabels(Labels):
    """The number of each sample's class; of class probabilities, of the likeliest."""

    y: Tensor

    def __init__(self) -> None:
        super().__init__()

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
