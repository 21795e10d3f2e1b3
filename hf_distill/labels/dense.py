"""DenseLabels: a number for every class."""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor

from hf_distill.data.spec import DataSpec
from hf_distill.labels.base import Labels, distribution, held, probabilities
from hf_distill.options import PositiveFloat

# The least probability that a logit starts from: that of a hard label has none.
_LEAST = 1e-3


class DenseLabels(Labels):
    """A label is a distribution over all classes, learned or a teacher's.

    Source for learned ones: Bohdal, Yang and Hospedales, Flexible Dataset Distillation: Learn Labels Instead of Images
    (2020); Sucholutsky and Schonlau, Soft-Label Dataset Distillation (IJCNN 2021).

    Args:
        stored: What is stored of each class: ``probabilities``, read as those of :class:`TopLabels` are, or ``logits``,
            read through a softmax.
        learned: Learn them; else they stay those that the set starts from, a teacher's for example.
        lr: See :class:`Labels`.

    Examples:
        >>> import torch
        >>> from hf_distill import DenseLabels, RealData
        >>> labels = DenseLabels(learned=False)
        >>> labels.initialize(torch.tensor([3, 7]), RealData().setup().spec)
        >>> labels.decode(labels.codes()).argmax(1).tolist()
        [3, 7]
    """

    values: Tensor

    def __init__(
        self,
        *,
        stored: Literal["probabilities", "logits"] = "probabilities",
        learned: bool = True,
        lr: PositiveFloat = 1.0,
    ) -> None:
        super().__init__()
        self.stored = stored
        self.learned = learned
        self.lr = lr

    def initialize(self, y: Tensor, spec: DataSpec) -> None:
        """See :class:`Labels`; a logit is the logarithm of its probability, of 0.001 where that is less."""
        values = probabilities(y.detach(), spec).clone()
        if self.stored == "logits":
            values = values.clamp_min(_LEAST).log()
        self.values = held(values, self.learned)

    def codes(self) -> dict[str, Tensor]:
        """Return ``{"labels": (M, classes)}``."""
        return {self.NAME: self.values}

    def decode(self, codes: dict[str, Tensor]) -> Tensor:
        """See :class:`Labels`."""
        values = codes[self.NAME]
        return values.softmax(-1) if self.stored == "logits" else distribution(values)

    def describe(self) -> dict[str, Any]:
        """See :class:`Labels`."""
        return {"dense": self.stored}

    def shapes(self, spec: DataSpec, samples: int) -> dict[str, tuple[int, ...]]:
        """See :class:`Labels`."""
        return {self.NAME: (samples, spec.num_outputs)}

    def keep(self, index: Tensor) -> None:
        """See :class:`Labels`."""
        self.values = held(self.values.detach()[index], self.learned)

    @torch.no_grad()
    def project(self) -> None:
        """See :class:`Labels`: a share below zero would have no gradient to come back by."""
        if self.stored == "probabilities":
            self.values.clamp_min_(0)
