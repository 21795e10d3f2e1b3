"""GraphCutSelector: rows that are like all others and unlike each other."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from hf_distill.options import NonNegativeFloat, PositiveInt
from hf_distill.selection.base import Selector, checked
from hf_distill.selection.similarity import Similarity, standing_for


class GraphCutSelector(Selector):
    """Greedily adds the row that adds most to ``sum_{i in V, j in A} s_ij - d sum_{i, j in A} s_ij``.

    V are all rows and A those that are taken, ``s`` is the similarity ``exp(-d^2 / m)`` for the median m of the squared
    distances, and ``d = diversity |V| / (2 k)``, so that both sums weigh alike whatever their sizes. The cut falls
    once A is crowded: the bound of the greedy choice that facility location has is not proved for it (Iyer and Bilmes,
    NIPS 2013, on the function). No more than the similarities of one row are held.

    Args:
        diversity: 0 takes the rows that are most like all others.
        exact: Above so many rows the first sum is over so many random ones.

    Examples:
        >>> import torch
        >>> from hf_distill import GraphCutSelector
        >>> features = torch.tensor([[0.0], [0.2], [0.1], [9.0], [9.1], [9.3]])
        >>> GraphCutSelector().fit(features).select(2, torch.Generator().manual_seed(0))
        (tensor([3, 0]), tensor([3., 3.]))
    """

    def __init__(self, *, diversity: NonNegativeFloat = 1.0, exact: PositiveInt = 4096) -> None:
        self.diversity = diversity
        self.exact = exact

    def fit(self, features: Tensor) -> GraphCutSelector:
        """See :class:`Selector`; a row's importance is its similarity to others."""
        self._features = checked(features)
        self._similar = Similarity.of(self._features, self.exact)
        self._sums = self._similar.sums(self._features)
        self.sensitivities_ = self._sums / self._sums.sum()
        return self

    def select(self, k: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """See :class:`Selector`; in the order of their choice. A row counts for those that it is nearest to."""
        count, x = self._check(k), self._features
        sums = self._sums * (count / len(self._similar.reference))
        chosen = greedy_cut(
            sums, torch.ones_like(sums), lambda row: self._similar.between(x, x[row : row + 1])[:, 0], k, self.diversity
        )
        return self._chose(chosen, standing_for(x, chosen))


def greedy_cut(sums: Tensor, own: Tensor, similar: Callable[[int], Tensor], count: int, diversity: float) -> Tensor:
    """Return the greedy choice ``(count,)`` under the graph cut; see :class:`GraphCutSelector`.

    Args:
        sums: Similarity of each row to all, ``(N,)``.
        own: To itself, ``(N,)``.
        similar: Gives the similarities of all rows to one, ``(N,)``.
        count: How many.
        diversity: See above.
    """
    weight = diversity * len(sums) / (2 * count)
    gain = sums - weight * own
    chosen: list[int] = []
    for _ in range(count):
        best = int(gain.argmax())
        chosen.append(best)
        gain = gain - 2 * weight * similar(best)
        gain[best] = -torch.inf
    return torch.tensor(chosen)
