"""Average: the moving average of what a run learns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor


class Average:
    """An exponential moving average of tensors, from where they began.

    Args:
        tensors: What is averaged; they go on changing.
        decay: Share of the average that a step keeps.
    """

    def __init__(self, tensors: Sequence[Tensor], decay: float) -> None:
        self.decay = decay
        self._tensors = list(tensors)
        self._mean = [tensor.detach().clone() for tensor in self._tensors]

    def update(self) -> None:
        """Take in the tensors as they are now."""
        for mean, tensor in zip(self._mean, self._tensors, strict=True):
            mean.lerp_(tensor.detach(), 1 - self.decay)

    @torch.no_grad()
    def apply(self) -> None:
        """Put the average in the tensors' place."""
        for mean, tensor in zip(self._mean, self._tensors, strict=True):
            tensor.copy_(mean)

    def state_dict(self) -> dict[str, Any]:
        """Return the average, for checkpoints."""
        return {"mean": self._mean}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on with the average of a checkpoint."""
        for mean, saved in zip(self._mean, state["mean"], strict=True):
            mean.copy_(saved)
