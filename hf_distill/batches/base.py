"""Batches: which real rows the objectives of a run are given."""

from __future__ import annotations

import contextlib
from abc import abstractmethod
from collections.abc import Iterator
from typing import Any, ClassVar

import torch
from torch import Tensor

from hf_distill.data.base import Data
from hf_distill.errors import UserError
from hf_distill.parts import Part
from hf_distill.seeding import Streams
from hf_distill.synthetic.base import Synthetic


class Batches(Part):
    """Draws real rows by their importance, in place of uniformly, for any objective.

    A row that is drawn with ``n p`` times its uniform probability has weight ``1 / (n p)`` (``Batch.w``), in its class
    where batches are drawn class by class: a weighted mean is that over all rows on average. ``DistributionMatching``
    divides by the sum of the weights, which is so up to the batch's own fluctuation.

    Attributes:
        uniform: Share that is drawn uniformly, which bounds the weights by its inverse.
        every: Steps between two looks at the importance; 0 looks once.
        windows: Whether it knows the importance of the windows of a series too.

    Examples:
        >>> from hf_distill import LossProportional, OptimizedDistillation
        >>> method = OptimizedDistillation(batches=LossProportional(uniform=0.5), steps=100)
        >>> 1 / method.batches.uniform  # no row weighs more
        2.0
    """

    uniform: float
    every: int = 0
    windows: ClassVar[bool] = False

    @abstractmethod
    def scores(self, real: Any, synthetic: Synthetic, streams: Streams) -> Tensor:
        """Return the importance of every training row, or window of a series, ``(N,)``, none negative.

        Args:
            real: The data.
            synthetic: The set as it is now.
            streams: Randomness, the same on every rank.
        """

    def refresh(self, real: Data, synthetic: Synthetic, streams: Streams) -> None:
        """Look at the importance where it is time to; called before every step.

        Raises:
            UserError: The data has no rows that could be drawn so.
        """
        rows: Any = real
        series = real.spec.target == "future"
        if (series and not self.windows) or (not series and rows.is_stream):
            what = "does not know windows of a series" if series else "draws rows by their number, a stream has none"
            raise UserError(f"{type(self).__name__} {what}: leave method.batches out for these data")
        if rows.shares is not None and (not self.every or streams.step % self.every):
            return
        scores = self.scores(rows, synthetic, streams).double().cpu()
        if not bool(scores.isfinite().all()):
            raise UserError(f"row {int((~scores.isfinite()).nonzero()[0])} has an importance that is not finite")
        total = scores.sum()
        mean = scores / total if total > 0 else torch.full_like(scores, 1 / len(scores))
        rows.shares = ((1 - self.uniform) * mean + self.uniform / len(scores)).float()


@contextlib.contextmanager
def uniform_again(real: Data) -> Iterator[None]:
    """Let the data draw uniformly after a run."""
    try:
        yield
    finally:
        real.shares = None
