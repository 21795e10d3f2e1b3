"""FacilityLocationSelector: rows that every other row is like one of."""

from __future__ import annotations

import heapq
import math
from typing import Annotated

import torch
from torch import Tensor

from hf_distill.options import PositiveInt, Range
from hf_distill.selection.base import Selector, checked
from hf_distill.selection.certificate import Certificate
from hf_distill.selection.similarity import ROWS, Similarity, standing_for


class FacilityLocationSelector(Selector):
    """Greedily adds the row that makes ``sum_i max_j s(i, j)`` largest, for the rows j that are taken.

    The similarity is ``exp(-d^2 / m)`` for the median m of the squared distances. The sum is at least ``1 - 1/e`` of
    the best for as many rows (Nemhauser, Wolsey and Fisher, Mathematical Programming 1978). Up to ``exact`` rows all
    similarities are held, and gains that were found before are bounds of those now (Minoux's lazy greedy, 1978). Above
    it the sum is over ``exact`` random rows, and each step looks at a random ``N / k log(1 / slack)`` of the rows,
    which costs ``slack`` more on average (Mirzasoleiman et al., Lazier Than Lazy Greedy, AAAI 2015).

    Args:
        exact: See above.
        slack: See above.

    Examples:
        >>> import torch
        >>> from hf_distill import FacilityLocationSelector
        >>> features = torch.tensor([[0.0], [0.2], [0.1], [9.0], [9.1], [9.3]])
        >>> FacilityLocationSelector().fit(features).select(2, torch.Generator().manual_seed(0))
        (tensor([3, 2]), tensor([3., 3.]))
    """

    def __init__(
        self,
        *,
        exact: PositiveInt = 4096,
        slack: Annotated[float, Range(0, 1, above=True, below=True)] = 0.05,
    ) -> None:
        self.exact = exact
        self.slack = slack

    def fit(self, features: Tensor) -> FacilityLocationSelector:
        """See :class:`Selector`; a row's importance is its similarity to others."""
        self._features = checked(features)
        self._similar = Similarity.of(self._features, self.exact)
        sums = self._similar.sums(self._features)
        self.sensitivities_ = sums / sums.sum()
        return self

    def select(self, k: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """See :class:`Selector`; in the order of their choice. A row counts for those that it is nearest to."""
        count = self._check(k)
        chosen = torch.tensor(self._lazy(k) if count <= self.exact else self._random(k, generator))
        return self._chose(chosen, standing_for(self._features, chosen))

    def _lazy(self, k: int) -> list[int]:
        similar = torch.cat([self._similar(part) for part in self._features.split(ROWS)])
        best = torch.zeros_like(similar[0])
        queue = [(-gain, row) for row, gain in enumerate(similar.sum(1).tolist())]
        heapq.heapify(queue)
        chosen: list[int] = []
        while len(chosen) < k:
            _, row = heapq.heappop(queue)
            gain = float((similar[row] - best).clamp_min(0).sum())
            if queue and gain < -queue[0][0]:
                heapq.heappush(queue, (-gain, row))
                continue
            chosen.append(row)
            best = torch.maximum(best, similar[row])
        return chosen

    def _random(self, k: int, generator: torch.Generator) -> list[int]:
        count = len(self._features)
        best = self._features.new_zeros(len(self._similar.reference))
        free = torch.ones(count, dtype=torch.bool)
        chosen: list[int] = []
        size = math.ceil(count / k * math.log(1 / self.slack))
        while len(chosen) < k:
            rows = torch.randint(count, (size,), generator=generator)
            rows = rows[free[rows]]
            rows = rows if len(rows) else free.nonzero()[:1, 0]
            similar = self._similar(self._features[rows.to(self._features.device)])
            place = int((similar - best).clamp_min(0).sum(1).argmax())
            chosen.append(int(rows[place]))
            free[chosen[-1]] = False
            best = torch.maximum(best, similar[place])
        return chosen

    def _certify(self, rows: Tensor, weight: Tensor) -> Certificate:
        # What the greedy choice may lose, and the share that it has lost at most: no choice of as many rows adds more
        # to this one than the largest gains together.
        best = self._similar(self._features[rows.to(self._features.device)]).amax(0)
        parts = self._features.split(ROWS)
        gains = torch.cat([(self._similar(part) - best).clamp_min(0).sum(1) for part in parts])
        value = float(best.double().sum())
        most = value + float(gains.double().topk(len(rows)).values.sum())
        lazy = len(self._features) <= self.exact
        epsilon = 1 / math.e if lazy else None
        return Certificate("coverage", len(rows), epsilon, 0.0 if lazy else None, 1 - value / most, 0)
