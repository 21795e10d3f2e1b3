"""LearnedRate: a learning rate that an objective learns beside the set."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


class LearnedRate(nn.Module):
    """A positive number: its logarithm is the variable.

    Args:
        start: Its value at first.
        lr: Learning rate of the logarithm: of Adam, about the share by which a step changes the number.
    """

    def __init__(self, start: float, lr: float) -> None:
        super().__init__()
        self.lr = lr
        self.log = nn.Parameter(torch.tensor(math.log(start)))

    def forward(self) -> Tensor:
        """Return the number, differentiable."""
        return self.log.exp()
