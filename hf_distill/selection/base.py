"""Selector: which real samples to take, in scikit-learn's manner."""

from __future__ import annotations

from abc import abstractmethod
from copy import copy
from typing import ClassVar

import torch
from torch import Tensor

from hf_distill.data.real import RealData
from hf_distill.data.spec import DataSpec
from hf_distill.errors import UserError
from hf_distill.features.base import Extractor
from hf_distill.features.pixels import PixelFeatures
from hf_distill.parts import Part
from hf_distill.seeding import Streams


class Selector(Part):
    """Chooses samples by their features.

    Attributes:
        needs_features: Whether :meth:`fit` looks at the features and not at their number alone; where it does not, no
            sample is read to choose.
        sensitivities_: Importance of every sample after :meth:`fit`, ``(N,)``.
    """

    needs_features: ClassVar[bool] = True
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


def select_per_class(
    selector: Selector,
    real: RealData,
    per_class: int,
    streams: Streams,
    extractor: Extractor | None = None,
    spec: DataSpec | None = None,
) -> tuple[Tensor, Tensor]:
    """Select real samples of every class, as many of each as the data's ``class_balance`` says.

    Args:
        selector: A copy is fitted anew on the features of each class.
        real: Data with random access.
        per_class: Samples of each class (their mean where the balance is natural).
        streams: Randomness; each class has its own generator, so that a class added later changes no other.
        extractor: The space that it chooses in; that of pixels if None. Left alone where the selector needs none.
        spec: Whose statistics normalise; the data's own if None.

    Returns:
        Row numbers, about ``(classes * per_class,)``, ordered by class, and their weights.
    """
    features = (extractor or PixelFeatures()).fit(real, spec=spec) if selector.needs_features else None
    index, weight = [], []
    for label, count in enumerate(real.quota(per_class)):
        if not count:
            continue
        rows = real.train.class_index(label)
        seen = torch.empty(len(rows), 0) if features is None else features.rows(real.train, rows)
        # A copy: what it keeps of one class is gone before the next is read.
        chosen, weights = copy(selector).fit(seen).select(count, streams.generator("select", label))
        index.append(rows[chosen.cpu()])
        weight.append(weights.cpu())
    return torch.cat(index), torch.cat(weight)
