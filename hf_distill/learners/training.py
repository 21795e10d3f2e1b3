"""Training a learner: on real data, or on a set, through which it can be differentiated."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.func import functional_call

from hf_distill.augment.siamese import AnyAugment
from hf_distill.data.batch import Batch
from hf_distill.learners.learner import InnerOptimizer, Learner, Weights
from hf_distill.learners.task import Task, batch_index
from hf_distill.synthetic.base import Synthetic


def train_on_real(
    learner: Learner,
    body: nn.Module,
    task: Task,
    *,
    steps: int,
    optimizer: InnerOptimizer,
    batch: int,
    generator: torch.Generator,
    augment: AnyAugment | None = None,
) -> None:
    """Train a learner on batches of real data, in place.

    Args:
        learner: What is trained.
        body: The module that its weights are for.
        task: Draws the batches and has the loss.
        steps: How many.
        optimizer: How.
        batch: Examples of a step.
        generator: Of the batches; the next call goes on with it.
        augment: Augmentation of the examples.
    """

    def loss(weights: Weights) -> Tensor:
        drawn = augmented(task.draw(batch, generator), augment, generator)
        return task.loss(functional_call(body, weights, (drawn.x,)), drawn)

    learner.advance(loss, steps, optimizer, graph=False)


def train_on_set(
    learner: Learner,
    body: nn.Module,
    task: Task,
    synthetic: Synthetic,
    decoded: Batch,
    *,
    steps: int,
    optimizer: InnerOptimizer,
    batch: int,
    generator: torch.Generator,
    graph: bool,
    augment: AnyAugment | None = None,
) -> Weights:
    """Train a learner on batches of a set, in place, and return the weights.

    Args:
        learner: What is trained.
        body: The module that its weights are for.
        task: Has the loss.
        synthetic: The set.
        decoded: What it stands for now.
        steps: How many.
        optimizer: How.
        batch: Examples of a step, drawn with replacement; 0 for all of them.
        generator: Of the batches; the next call goes on with it.
        graph: Return weights that are differentiable in ``decoded``.
        augment: Augmentation of the examples.
    """
    examples = synthetic.examples(decoded)

    def loss(weights: Weights) -> Tensor:
        drawn = augmented(synthetic.view(decoded, batch_index(examples, batch, generator)), augment, generator)
        return task.loss(functional_call(body, weights, (drawn.x,)), drawn)

    return learner.advance(loss, steps, optimizer, graph=graph)


def augmented(batch: Batch, augment: AnyAugment | None, generator: torch.Generator, *, alike: bool = False) -> Batch:
    """Return a batch whose samples are augmented; as it is without augmentation.

    Args:
        batch: Images.
        augment: How.
        generator: Of the parameters.
        alike: All samples get the same parameters, which follow from the generator's state alone: two batches of any
            size are augmented alike (Siamese). Else each sample has its own.

    Raises:
        UserError: The samples are no images.
    """
    if augment is None:
        return batch
    params = augment.sample(generator, None if alike else len(batch))
    return Batch(augment.apply(batch.x, params), batch.y, batch.w)
