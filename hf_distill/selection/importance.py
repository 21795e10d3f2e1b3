"""ImportanceSelector: rows drawn by bounds of their sensitivities, with unbiased weights."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import torch
from torch import Tensor

from hf_distill.selection.base import Selector
from hf_distill.selection.certificate import (
    DELTA,
    QUERIES,
    Certificate,
    Queries,
    bounded_error,
    needed_size,
    relative_errors,
    spread_of,
)
from hf_distill.selection.sampling import draw, inclusion


class ImportanceSelector(Selector):
    """Draws different rows with probabilities proportional to bounds of their sensitivities.

    A row that is drawn with probability ``p`` has weight ``1 / p``: the weighted sum of any loss over the chosen rows
    is its sum over all rows on average. Rows whose probability would be above 1 are always taken and count once.

    Attributes:
        bounds_: Bounds of ``sup_q f(q, row) / sum f(q)``, ``(N,)``; ``sensitivities_`` are their shares.

    Examples:
        >>> import torch
        >>> from hf_distill import LeverageSelector
        >>> selector = LeverageSelector(ridge=1e-3).fit(torch.tensor([[1.0], [1.0], [1.0], [20.0]]))
        >>> selector.sensitivities_.argmax()
        tensor(3)
    """

    bounds_: Tensor
    _inclusion: Tensor

    @abstractmethod
    def _queries(self) -> Queries:
        """Return losses that the selection does not know of."""

    #: The name of the loss that the bounds are of.
    loss: str = "kmeans"

    def _bounded(self, features: Tensor, bounds: Tensor) -> None:
        """Keep what was found of the features."""
        self._features = features
        self.bounds_ = bounds
        self.sensitivities_ = bounds / bounds.sum()

    def select(self, k: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """See :class:`Selector`; in the order of the rows, with weights whose sum is N on average."""
        self._check(k)
        self._inclusion = inclusion(self.sensitivities_, k)
        rows = draw(self._inclusion, k, generator)
        return self._chose(rows, (1 / self._inclusion[rows]).float())

    def _certify(self, rows: Tensor, weight: Tensor) -> Certificate:
        queries = self._queries()
        spread = spread_of(self._features, self._inclusion, queries)
        epsilon = max(bounded_error(*own, QUERIES, DELTA) for own in spread)
        total = float(self.bounds_.sum())
        known: dict[str, Any] = {"total": total}
        if 0 < epsilon < float("inf"):
            known["sample_size"] = needed_size(total, epsilon, QUERIES, DELTA)
        measured = float(relative_errors(self._features, rows, weight, queries).max())
        return Certificate(self.loss, len(rows), epsilon, DELTA, measured, **known)
