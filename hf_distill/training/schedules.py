"""Schedules: the learning rate in the course of a training."""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import Literal

from hf_distill.options import PositiveFloat, Share
from hf_distill.parts import Part

Each = Literal["epoch", "step"]
"""When a learning rate changes: once an epoch, as the field does, or at every step."""


class Schedule(Part):
    """The learning rate in the course of a training, as a share of the one at its start.

    Attributes:
        each: When it changes. In a set that is one batch an epoch is a step.

    Examples:
        >>> from hf_distill import Cosine, Recipe
        >>> Recipe(epochs=100, schedule=Cosine(each="step")).rate(50, steps=100, per_epoch=1)
        0.005
    """

    each: Each

    @abstractmethod
    def share(self, place: int, total: int) -> float:
        """Return the share in an epoch or step, counted from 0, of so many."""


class Constant(Schedule):
    """The learning rate of the start, to the end.

    Examples:
        >>> from hf_distill import Constant
        >>> [round(Constant().share(place, 4), 3) for place in range(4)]
        [1.0, 1.0, 1.0, 1.0]
    """

    each: Each = "epoch"

    def share(self, place: int, total: int) -> float:
        """See :class:`Schedule`."""
        return 1.0


class StepDecay(Schedule):
    """One drop: at half of the training to a tenth, as DatasetCondensation and its successors do.

    Args:
        at: Where it drops, as a share of the training.
        to: What it drops to, as a share of the learning rate.
        each: When it changes.

    Examples:
        >>> from hf_distill import StepDecay
        >>> [round(StepDecay(at=0.5, to=0.1).share(place, 4), 3) for place in range(4)]
        [1.0, 1.0, 0.1, 0.1]
    """

    def __init__(self, *, at: Share = 0.5, to: PositiveFloat = 0.1, each: Each = "epoch") -> None:
        self.at = at
        self.to = to
        self.each = each

    def share(self, place: int, total: int) -> float:
        """See :class:`Schedule`."""
        return self.to if place >= total * self.at else 1.0


class Cosine(Schedule):
    """Half a cosine, from the learning rate to zero.

    Args:
        each: When it changes.

    Examples:
        >>> from hf_distill import Cosine
        >>> [round(Cosine().share(place, 4), 3) for place in range(4)]
        [1.0, 0.854, 0.5, 0.146]
    """

    def __init__(self, *, each: Each = "epoch") -> None:
        self.each = each

    def share(self, place: int, total: int) -> float:
        """See :class:`Schedule`."""
        return cosine(place / total)


def cosine(done: float) -> float:
    """Return the share of a learning rate that a cosine takes to zero, after a share ``done`` of the way."""
    return 0.5 * (1 + math.cos(math.pi * done))
