"""LearnedRate: a learning rate that an objective learns beside the set."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from hf_distill.learners.learner import Optimizer

#: What records call the learned rate of an optimizer.
RATES: dict[Optimizer, str] = {"sgd": "lr", "adam": "adam_lr"}


class LearnedRate(nn.Module):
    """A positive number: its logarithm is the variable.

    Args:
        start: Its value at first.
        lr: Learning rate of the logarithm: of Adam, about the share by which a step changes the number.
        optimizer: Whose rate it is: one of Adam says nothing of gradient descent.
    """

    def __init__(self, start: float, lr: float, optimizer: Optimizer = "sgd") -> None:
        super().__init__()
        self.lr = lr
        self.name = RATES[optimizer]
        self.log = nn.Parameter(torch.tensor(math.log(start)))

    def forward(self) -> Tensor:
        """Return the number, differentiable."""
        return self.log.exp()
