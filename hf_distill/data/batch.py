"""Batch: what the data gives and every loss takes."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass
class Batch:
    """Samples, their targets and their importance weights.

    Attributes:
        x: Inputs in the networks' units (normalised), ``(B, *shape)``.
        y: Class indices ``(B,)`` of dtype int64, or class probabilities ``(B, classes)``.
        w: Importance weights ``(B,)``, 1 by default; every loss multiplies by them.
    """

    x: Tensor
    y: Tensor
    w: Tensor

    @classmethod
    def of(cls, x: Tensor, y: Tensor, w: Tensor | None = None) -> Batch:
        """Make a batch, with weights of one where none are given."""
        return cls(x, y, torch.ones(len(x), device=x.device) if w is None else w)

    def __len__(self) -> int:
        return len(self.x)
