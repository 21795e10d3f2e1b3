"""NormSelector: rows with the longest features, or the shortest."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from hf_distill.options import Share
from hf_distill.selection.base import Selector, checked
from hf_distill.selection.sampling import draw, inclusion


class NormSelector(Selector):
    """Ranks rows by the length of their features: by what they cost, where features are errors of networks.

    With ``ErrorFeatures`` this is EL2N, and with ``ForgettingFeatures`` the order of forgetting: rows that users
    compare with. Nothing is proved of ``longest`` and ``shortest``, whose weights are equal.

    Args:
        pick: The rows with the ``longest`` features, the ``shortest``, or a ``random`` choice proportional to length,
            whose weights are unbiased.
        uniform: Share of ``random`` that is drawn uniformly, so that short ones have weights too.

    Examples:
        >>> import torch
        >>> from hf_distill import NormSelector
        >>> errors = torch.tensor([[0.1], [0.9], [0.5]])
        >>> rows, weights = NormSelector(pick="longest").fit(errors).select(2, torch.Generator().manual_seed(0))
        >>> rows.tolist()
        [1, 2]
    """

    def __init__(self, *, pick: Literal["longest", "shortest", "random"] = "longest", uniform: Share = 0.2) -> None:
        self.pick = pick
        self.uniform = uniform

    def fit(self, features: Tensor) -> NormSelector:
        """See :class:`Selector`."""
        self._features = checked(features)
        norms = self._features.norm(dim=1)
        total = norms.sum()
        self.sensitivities_ = norms / total if total > 0 else torch.full_like(norms, 1 / len(norms))
        return self

    def select(self, k: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """See :class:`Selector`; equal lengths in a random order."""
        count = self._check(k)
        scores = self.sensitivities_.double().cpu()
        if self.pick == "random":
            shares = inclusion((1 - self.uniform) * scores + self.uniform / count, k)
            rows = draw(shares, k, generator)
            return self._chose(rows, (1 / shares[rows]).float())
        order = torch.randperm(count, generator=generator)
        rows = order[scores[order].argsort(descending=self.pick == "longest", stable=True)[:k]]
        return self._chose(rows, torch.full((k,), count / k))
