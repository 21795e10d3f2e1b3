"""ValueLabels: numbers that are read as they are stored."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from hf_distill.data.spec import DataSpec
from hf_distill.labels.base import Labels, held
from hf_distill.options import PositiveFloat


class ValueLabels(Labels):
    """The target of every sample: real numbers in the networks' units, or 0 and 1 for each of several labels.

    What is published beside the codes is these numbers in the source's units and types; of labels, those above 1/2.

    Args:
        learned: Learn them; else they stay those that the set starts from.
        lr: See :class:`Labels`.

    Examples:
        >>> import torch
        >>> from hf_distill import RealData, ValueLabels
        >>> labels = ValueLabels()
        >>> labels.initialize(torch.tensor([[0.5], [-1.0]]), RealData(path="diabetes", target="values").setup().spec)
        >>> labels.decode(labels.codes()).tolist()
        [[0.5], [-1.0]]
    """

    targets = ("labels", "values")
    values: Tensor

    def __init__(self, *, learned: bool = True, lr: PositiveFloat = 1.0) -> None:
        super().__init__()
        self.learned = learned
        self.lr = lr

    def initialize(self, y: Tensor, spec: DataSpec) -> None:
        """See :class:`Labels`; ``y`` are numbers ``(M, outputs)``."""
        self.values = held(y.detach().clone().float(), self.learned)

    def codes(self) -> dict[str, Tensor]:
        """Return ``{"labels": (M, outputs)}``."""
        return {self.NAME: self.values}

    def decode(self, codes: dict[str, Tensor]) -> Tensor:
        """See :class:`Labels`."""
        return codes[self.NAME]

    def describe(self) -> dict[str, Any]:
        """See :class:`Labels`."""
        return {"values": True}

    def shapes(self, spec: DataSpec, samples: int) -> dict[str, tuple[int, ...]]:
        """See :class:`Labels`."""
        return {self.NAME: (samples, spec.num_outputs)}

    def keep(self, index: Tensor) -> None:
        """See :class:`Labels`."""
        self.values = held(self.values.detach()[index], self.learned)
