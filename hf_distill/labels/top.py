"""TopLabels: the probabilities of a label's likeliest classes."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from hf_distill.data.spec import DataSpec
from hf_distill.errors import UserError
from hf_distill.labels.base import Labels, distribution, held, probabilities
from hf_distill.options import PositiveFloat, PositiveInt


class TopLabels(Labels):
    """A label is a distribution over few classes: their numbers are fixed, their shares may be learned.

    With many classes nearly all of a teacher's probability lies on a few of them, so that the others need no bits. What
    is read are the shares, negative ones as zero, divided by their sum.

    Args:
        top: Classes that a label names.
        learned: Learn the shares; else they stay those that the set starts from, a teacher's for example.
        lr: See :class:`Labels`.

    Examples:
        >>> import torch
        >>> from hf_distill import RealData, TopLabels
        >>> labels, spec = TopLabels(top=3), RealData().setup().spec
        >>> labels.initialize(torch.tensor([3, 7]), spec)
        >>> labels.classes().shape, labels.bits(spec)  # two samples, three shares of 32 bits and three classes of 4
        (torch.Size([2, 3]), 216)
    """

    chosen: Tensor
    shares: Tensor

    def __init__(self, *, top: PositiveInt = 3, learned: bool = True, lr: PositiveFloat = 1.0) -> None:
        super().__init__()
        self.top = top
        self.learned = learned
        self.lr = lr

    def initialize(self, y: Tensor, spec: DataSpec) -> None:
        """See :class:`Labels`."""
        self._check(spec)
        shares, chosen = probabilities(y.detach(), spec).topk(self.top, dim=1)
        self.shares = held(shares / shares.sum(1, keepdim=True), self.learned)
        self.register_buffer("chosen", chosen)
        self._classes = spec.num_outputs

    def _check(self, spec: DataSpec) -> None:
        if not 1 <= self.top <= spec.num_outputs:
            raise UserError(f"labels.top is {self.top}; it must be 1 to {spec.num_outputs}, the number of classes")

    def codes(self) -> dict[str, Tensor]:
        """Return the shares, ``{"labels": (M, top)}``."""
        return {self.NAME: self.shares}

    def decode(self, codes: dict[str, Tensor]) -> Tensor:
        """See :class:`Labels`."""
        shares = distribution(codes[self.NAME])
        return shares.new_zeros(len(shares), self._classes).scatter(1, self.chosen, shares)

    def classes(self) -> Tensor:
        """See :class:`Labels`."""
        return self.chosen

    def describe(self) -> dict[str, Any]:
        """See :class:`Labels`."""
        return {"top": self.top}

    def shapes(self, spec: DataSpec, samples: int) -> dict[str, tuple[int, ...]]:
        """See :class:`Labels`."""
        self._check(spec)
        return {self.NAME: (samples, self.top)}

    def named(self, spec: DataSpec, samples: int) -> int:
        """See :class:`Labels`."""
        return samples * self.top

    def keep(self, index: Tensor) -> None:
        """See :class:`Labels`."""
        self.shares = held(self.shares.detach()[index], self.learned)
        self.chosen = self.chosen[index]
