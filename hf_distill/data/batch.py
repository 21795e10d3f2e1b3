"""Batch: what the data gives and every loss takes."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor


@dataclass
class Batch:
    """Samples, their targets and their importance weights.

    Attributes:
        x: Inputs in the networks' units (normalised), ``(B, *shape)``.
        y: Class indices ``(B,)`` of dtype int64, or class probabilities ``(B, classes)``; of samples with several views
            before one is chosen, those of the views ``(B, views, classes)``. Other targets are numbers
            ``(B, outputs)``.
        w: Importance weights ``(B,)``: how much a sample counts beside the others. Those of a whole set average 1;
            every loss takes them, by :func:`weighted_mean`.
        source: What is published of them, where inputs do not tell all that the source holds: a row a sample.
        given: What the source's label columns hold, where targets do not tell it all.

    Examples:
        >>> import torch
        >>> from hf_distill import Batch
        >>> batch = Batch.of(torch.zeros(3, 5), torch.tensor([0, 1, 1]))
        >>> len(batch), batch.w.tolist(), batch.take(torch.tensor([2])).hard.tolist()
        (3, [1.0, 1.0, 1.0], [1])
    """

    x: Tensor
    y: Tensor
    w: Tensor
    source: np.ndarray | None = field(default=None, kw_only=True)
    given: pa.Table | None = field(default=None, kw_only=True)

    @classmethod
    def of(cls, x: Tensor, y: Tensor, w: Tensor | None = None) -> Batch:
        """Make a batch, with weights of one where none are given."""
        return cls(x, y, torch.ones(len(x), device=x.device) if w is None else w)

    def __len__(self) -> int:
        return len(self.x)

    def take(self, index: Tensor) -> Batch:
        """Return some of the samples, by their numbers ``(K,)``."""
        source = None if self.source is None else self.source[index.cpu().numpy()]
        given = None if self.given is None else self.given.take(index.cpu().numpy())
        return Batch(self.x[index], self.y[index], self.w[index], source=source, given=given)

    def to(self, device: torch.device | str) -> Batch:
        """Return it on a device."""
        return Batch(self.x.to(device), self.y.to(device), self.w.to(device))

    @property
    def hard(self) -> Tensor:
        """Class indices ``(B,)``: of class probabilities, the likeliest class; of several views, that of the first."""
        return hardened(self.y)


def hardened(y: Tensor) -> Tensor:
    """Return class indices ``(B,)``: of class probabilities, the likeliest class; of several views, the first one's."""
    if not y.is_floating_point():
        return y
    return (y[:, 0] if y.dim() == 3 else y).argmax(-1)


def weighted_mean(losses: Tensor, w: Tensor) -> Tensor:
    """Return the mean of single samples' losses ``(..., B)``, each times its weight: ``mean(losses * w)``.

    The weights of a set average 1, so that of all its samples this is their weighted mean; of a batch drawn from it,
    an unbiased estimate of that.
    """
    return (losses * w).mean(-1)
