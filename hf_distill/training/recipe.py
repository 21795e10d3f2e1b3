"""Recipe: how a network is trained on a small set to measure it."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterable
from typing import Literal

import torch
from torch import Tensor

from hf_distill.augment.siamese import SiameseAugment
from hf_distill.data.spec import DataSpec
from hf_distill.errors import UserError
from hf_distill.options import NonNegativeFloat, PositiveFloat, PositiveInt, ShareBelowOne
from hf_distill.parts import Part
from hf_distill.training.label_loss import label_loss


class Recipe(Part):
    """A training recipe. The defaults are the field's for small images (DatasetCondensation and its successors).

    They quote: SGD with learning rate 0.01, momentum 0.9, weight decay 5e-4, batches of 256, learning rate times 0.1
    at half of the epochs, 300 epochs without augmentation and 1000 with any. For the decoupled line: ``optimizer:
    adamw, lr: 0.001, weight_decay: 0.01, schedule: cosine, loss: kl, temperature: 20, epochs: 300``.

    Args:
        epochs: Passes over the set; by default 1000 with augmentation and 300 without.
        steps: Training steps whatever the size of the set, in whole epochs; overrides ``epochs``. Sets of very
            different size are then trained equally long.
        batch_size: Samples of a step at most; the batches of an epoch are of equal size.
        optimizer: ``sgd``, ``adam`` or ``adamw``.
        lr: Learning rate at the start.
        momentum: Momentum of SGD.
        weight_decay: Weight decay.
        schedule: ``step`` multiplies the learning rate by 0.1 at half of the epochs, ``cosine`` lowers it to zero,
            ``constant`` keeps it.
        augment: Augmentation; every image gets its own parameters. Must be null for vectors.
        loss: ``cross_entropy`` (hard labels, or soft ones as targets), ``kl`` (soft labels at ``temperature``) or
            ``mse_gt`` (squared errors of log-probabilities, and a little cross-entropy).
        temperature: Softening of both sides of ``kl``.
    """

    def __init__(
        self,
        *,
        epochs: PositiveInt | None = None,
        steps: PositiveInt | None = None,
        batch_size: PositiveInt = 256,
        optimizer: Literal["sgd", "adam", "adamw"] = "sgd",
        lr: PositiveFloat = 0.01,
        momentum: ShareBelowOne = 0.9,
        weight_decay: NonNegativeFloat = 5e-4,
        schedule: Literal["step", "cosine", "constant"] = "step",
        augment: SiameseAugment | None = None,
        loss: Literal["cross_entropy", "kl", "mse_gt"] = "cross_entropy",
        temperature: PositiveFloat = 1.0,
    ) -> None:
        self.epochs = epochs
        self.steps = steps
        self.batch_size = batch_size
        self.optimizer = optimizer
        self.lr = lr
        self.momentum = momentum
        self.weight_decay = weight_decay
        self.schedule = schedule
        self.augment = augment
        self.loss = loss
        self.temperature = temperature

    @property
    def total_epochs(self) -> int:
        """The number of epochs, the default filled in."""
        if self.epochs is not None:
            return self.epochs
        return 300 if self.augment is None else 1000

    def steps_per_epoch(self, samples: int) -> int:
        """Return how many steps an epoch over so many samples has."""
        return math.ceil(samples / self.batch_size)

    def for_samples(self, samples: int) -> Recipe:
        """Return the recipe for a set of some size: ``steps`` turned into epochs."""
        if self.steps is None:
            return self
        recipe = copy.copy(self)
        recipe.epochs = math.ceil(self.steps / self.steps_per_epoch(samples))
        return recipe

    def scaled(self, lr: float, steps: float, samples: int) -> Recipe:
        """Return the recipe for a set of some size with so many times its learning rate and its steps."""
        recipe = copy.copy(self)
        recipe.lr = lr * self.lr
        recipe.epochs, recipe.steps = max(1, round(steps * self.for_samples(samples).total_epochs)), None
        return recipe

    def check(self, spec: DataSpec) -> None:
        """Refuse what cannot be trained.

        Raises:
            UserError: The inputs are vectors and there is an augmentation.
        """
        if self.augment is not None and not spec.is_image:
            raise UserError(f"recipe.augment works on images, not on vectors {spec.shape}; set recipe.augment to null")

    def lr_at(self, epoch: int) -> float:
        """Return the learning rate of an epoch, counted from 0."""
        total = self.total_epochs
        if self.schedule == "step":
            return self.lr * (0.1 if epoch >= total / 2 else 1.0)
        if self.schedule == "cosine":
            return self.lr * (1 + math.cos(math.pi * epoch / total)) / 2
        return self.lr

    def make_optimizer(self, parameters: Iterable[Tensor]) -> torch.optim.Optimizer:
        """Return the optimiser of some parameters."""
        # fused: one call for all tensors instead of three for each, 10 % of a step of a tiny network on a CPU.
        if self.optimizer != "sgd":
            kind = torch.optim.Adam if self.optimizer == "adam" else torch.optim.AdamW
            return kind(parameters, lr=self.lr, weight_decay=self.weight_decay, fused=True)
        return torch.optim.SGD(
            parameters, lr=self.lr, momentum=self.momentum, weight_decay=self.weight_decay, fused=True
        )

    def losses(self, logits: Tensor, y: Tensor) -> Tensor:
        """Return the loss of every sample, ``(B,)``."""
        return label_loss(logits, y, self.loss, self.temperature)
