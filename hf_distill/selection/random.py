"""Uniform random selection: the row that every method has to beat."""

from __future__ import annotations

import torch
from torch import Tensor

from hf_distill.selection.base import Selector


class RandomSelector(Selector):
    """Chooses uniformly without replacement."""

    needs_features = False

    def __init__(self) -> None:
        pass

    def fit(self, features: Tensor) -> RandomSelector:
        """Every sample is as important as another."""
        self.sensitivities_ = torch.full((len(features),), 1 / len(features))
        return self

    def select(self, k: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """See :class:`Selector`."""
        count = self._check(k)
        return torch.randperm(count, generator=generator)[:k], torch.full((k,), count / k)
