"""Recipe: how a network is trained."""

from __future__ import annotations

import copy
import math
from typing import Any

from typing_extensions import Self

from hf_distill.augment.siamese import AnyAugment
from hf_distill.data.base import Spec
from hf_distill.errors import UserError
from hf_distill.options import PositiveInt
from hf_distill.parts import Part
from hf_distill.training.losses import LOSSES, CrossEntropy, Loss
from hf_distill.training.optimizers import SGD, Optimizer
from hf_distill.training.schedules import Schedule, StepDecay


class Recipe(Part):
    """A training recipe. The defaults are the field's for small images (DatasetCondensation and its successors).

    They quote: SGD with learning rate 0.01, momentum 0.9, weight decay 5e-4, batches of 256, learning rate times 0.1
    at half of the epochs, 300 epochs without augmentation and 1000 with any. For the decoupled line: ``optimizer:
    {class_path: AdamW}, schedule: Cosine, loss: {class_path: KL, init_args: {temperature: 20}}, epochs: 300``.

    Args:
        epochs: Passes over the set; by default 1000 with augmentation and 300 without.
        steps: Training steps whatever the size of the set, in whole epochs; overrides ``epochs``. Sets of very
            different size are then trained equally long.
        batch_size: Samples of a step at most; the batches of an epoch are of equal size.
        optimizer: What follows the gradients, and how fast; null for ``SGD``.
        schedule: How its learning rate falls; null for ``StepDecay``.
        augment: Augmentation; every image gets its own parameters. Must be one for the kind of the data.
        loss: What is minimised; null for ``CrossEntropy``, ``MeanSquared`` of real values and ``BinaryCrossEntropy`` of
            several labels.

    Examples:
        >>> from hf_distill import AdamW, Cosine, Recipe
        >>> recipe = Recipe(optimizer=AdamW(lr=0.001), schedule=Cosine(), epochs=300, batch_size=64)
        >>> recipe.total_steps(200), recipe.rate(600, 1200, 4)
        (1200, 0.0005)
    """

    def __init__(
        self,
        *,
        epochs: PositiveInt | None = None,
        steps: PositiveInt | None = None,
        batch_size: PositiveInt = 256,
        optimizer: Optimizer | None = None,
        schedule: Schedule | None = None,
        augment: AnyAugment | None = None,
        loss: Loss | None = None,
    ) -> None:
        self.epochs = epochs
        self.steps = steps
        self.batch_size = batch_size
        self.optimizer = SGD() if optimizer is None else optimizer
        self.schedule = StepDecay() if schedule is None else schedule
        self.augment = augment
        self._usual = loss is None
        self.loss = CrossEntropy() if loss is None else loss

    @property
    def lr(self) -> float:
        """Learning rate at the start."""
        return self.optimizer.lr

    @property
    def total_epochs(self) -> int:
        """The number of epochs, the default filled in."""
        if self.epochs is not None:
            return self.epochs
        return 300 if self.augment is None else 1000

    def batch(self, width: int = 1) -> int:
        """Return the samples of a step at most.

        Args:
            width: Sequences that a sample consists of: channels of a window, and 1 for all else.
        """
        return self.batch_size

    def steps_per_epoch(self, samples: int, width: int = 1) -> int:
        """Return how many steps an epoch over so many samples has."""
        return math.ceil(samples / self.batch(width))

    def total_steps(self, samples: int, width: int = 1) -> int:
        """Return the steps of a training on so many samples."""
        return self.for_samples(samples).total_epochs * self.steps_per_epoch(samples)

    def for_samples(self, samples: int) -> Self:
        """Return the recipe for a set of some size: ``steps`` turned into epochs."""
        if self.steps is None:
            return self
        return self.changed(epochs=math.ceil(self.steps / self.steps_per_epoch(samples)), steps=None)

    def scaled(self, lr: float, steps: float, samples: int, width: int = 1) -> Self:
        """Return the recipe for a set of some size with so many times its learning rate and its steps."""
        epochs = max(1, round(steps * self.for_samples(samples).total_epochs))
        return self.with_rate(lr * self.lr).changed(epochs=epochs, steps=None)

    def suited(self, spec: Spec) -> Self:
        """Return the recipe for some data: with the loss of their target where none was chosen."""
        usual = self._usual and not isinstance(self.loss, LOSSES[spec.target])
        loss = LOSSES[spec.target]() if usual else self.loss.suited(spec)
        return self if loss is self.loss else self.changed(loss=loss)

    def with_rate(self, lr: float) -> Self:
        """Return the recipe with another learning rate."""
        return self.changed(optimizer=self.optimizer.with_rate(lr))

    def changed(self, **options: Any) -> Self:
        """Return the recipe with other options."""
        recipe = copy.copy(self)
        vars(recipe).update(options)
        return recipe

    def rate(self, step: int, steps: int, per_epoch: int) -> float:
        """Return the learning rate of a step.

        Args:
            step: Counted from 0.
            steps: Steps of the training.
            per_epoch: Steps of an epoch.
        """
        if self.schedule.each == "epoch":
            return self.lr * self.schedule.share(step // per_epoch, math.ceil(steps / per_epoch))
        return self.lr * self.schedule.share(step, steps)

    def check(self, spec: Spec) -> None:
        """Refuse what cannot be trained.

        Raises:
            UserError: The augmentation is for another kind of inputs, or makes inputs that no label is for.
        """
        if self.augment is not None and self.augment.mixes:
            raise UserError(
                "recipe.augment mixes samples, whose labels are then neither's: set recipe.augment.mix to none, or let "
                "a teacher label mixed views (ViewLabels)"
            )
        if self.augment is not None and spec.kind not in self.augment.kinds:
            raise UserError(
                f"recipe.augment works on {self.augment.noun}, not on {spec.kind} data {spec.shape}; set "
                "recipe.augment to null"
            )
