"""ForecastRecipe: how a forecaster is trained."""

from __future__ import annotations

from typing_extensions import Self

from hf_distill.options import NonNegativeInt, PositiveInt
from hf_distill.training.losses import Loss, MeanSquared
from hf_distill.training.optimizers import Adam, Optimizer
from hf_distill.training.recipe import Recipe
from hf_distill.training.schedules import Cosine, Schedule


class ForecastRecipe(Recipe):
    """A recipe for forecasters: Adam, mean squared error, a learning rate that falls to zero along a cosine.

    The number of steps is ``max(steps, epochs passes over the windows)``: one rule for every training set, that gives
    a short synthetic series enough steps to learn from it and the full one its usual three epochs, with which the
    forecasters reach their published results. The values are ours. More steps suit a distilled series that has been
    made for as many, and series on which networks learn slowly (hourly electricity, DLinear, 384 distilled time steps:
    .082 after 200 steps, .068 after 400); a random piece over-fits (ETTh1, iTransformer: .520 after 200, .590 after
    400).

    Args:
        steps: Optimiser steps at least.
        epochs: Passes over the windows at least; 0 leaves ``steps`` alone.
        batch_size: Windows of a step.
        optimizer: What follows the gradients, and how fast; null for ``Adam``.
        schedule: How its learning rate falls; null for a ``Cosine`` that changes at every step.
        loss: What is minimised; null for ``MeanSquared``.
        max_sequences: Windows times channels of a step at most: a wide series takes fewer windows, at least one, and
            so more steps for its epochs; 32 windows of 32 channels are the limit.

    Examples:
        >>> from hf_distill import ForecastRecipe
        >>> recipe = ForecastRecipe(steps=100, epochs=2)
        >>> recipe.total_steps(64), recipe.total_steps(32_000)  # windows
        (100, 2000)
    """

    steps: int
    epochs: int

    def __init__(
        self,
        *,
        steps: PositiveInt = 400,
        epochs: NonNegativeInt = 3,
        batch_size: PositiveInt = 32,
        optimizer: Optimizer | None = None,
        schedule: Schedule | None = None,
        loss: Loss | None = None,
        max_sequences: PositiveInt = 1024,
    ) -> None:
        super().__init__(
            steps=steps,
            batch_size=batch_size,
            optimizer=Adam() if optimizer is None else optimizer,
            schedule=Cosine(each="step") if schedule is None else schedule,
            loss=MeanSquared() if loss is None else loss,
        )
        self.epochs = epochs
        self.max_sequences = max_sequences

    def batch(self, width: int = 1) -> int:
        """See :class:`Recipe`."""
        return max(1, min(self.batch_size, self.max_sequences // width))

    def total_steps(self, samples: int, width: int = 1) -> int:
        """See :class:`Recipe`."""
        return max(self.steps, self.epochs * self.steps_per_epoch(samples, width))

    def scaled(self, lr: float, steps: float, samples: int, width: int = 1) -> Self:
        """See :class:`Recipe`."""
        recipe = self.with_rate(lr * self.lr)
        recipe.steps, recipe.epochs = max(1, round(steps * self.total_steps(samples, width))), 0
        return recipe
