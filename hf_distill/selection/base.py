"""Selector: which real samples to take, in scikit-learn's manner."""

from __future__ import annotations

from abc import abstractmethod

import torch
from torch import Tensor

from hf_distill.data.real import RealData
from hf_distill.errors import UserError
from hf_distill.parts import Part
from hf_distill.seeding import Streams


class Selector(Part):
    """Chooses samples by their features.

    Attributes:
        sensitivities_: Importance of every sample after :meth:`fit`, ``(N,)``.
    """

    sensitivities_: Tensor

    @abstractmethod
    def fit(self, features: Tensor) -> Selector:
        """Look at all samples' features ``(N, F)``."""

    @abstractmethod
    def select(self, k: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Return ``k`` different row numbers ``(k,)`` and their weights ``(k,)``, which sum to N."""

    def _check(self, k: int) -> int:
        count = len(self.sensitivities_)
        if k > count:
            raise UserError(f"cannot select {k} of {count} samples")
        return count


def select_per_class(selector: Selector, real: RealData, per_class: int, streams: Streams) -> tuple[Tensor, Tensor]:
    """Select real samples of every class, as many of each as the data's ``class_balance`` says.

    Args:
        selector: Fitted anew on the flattened, normalised samples of each class.
        real: Data with random access.
        per_class: Samples of each class (their mean where the balance is natural).
        streams: Randomness; each class has its own generator, so that a class added later changes no other.

    Returns:
        Row numbers, about ``(classes * per_class,)``, ordered by class, and their weights.
    """
    index, weight = [], []
    for label, count in enumerate(real.quota(per_class)):
        if not count:
            continue
        rows = real.train.class_index(label)
        features = real.train.batch(rows).x.flatten(1)
        chosen, weights = selector.fit(features).select(count, streams.generator("select", label))
        index.append(rows[chosen.cpu()])
        weight.append(weights.cpu())
    return torch.cat(index), torch.cat(weight)
