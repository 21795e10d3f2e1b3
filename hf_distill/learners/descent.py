"""Plain gradient descent, and its derivative: through one graph of all steps, or backwards from step to step."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import torch
from torch import Tensor

from hf_distill.learners.learner import Weights

StepLoss = Callable[[Weights], Tensor]
"""The loss of a step for some weights; called again, it gives the same again."""


def descend(losses: Iterable[StepLoss], weights: Weights, lr: float | Tensor, *, graph: bool) -> list[Weights]:
    """Return the weights before the first step and after each; with ``graph`` differentiable in losses and ``lr``.

    Args:
        losses: One a step.
        weights: To start from.
        lr: Learning rate.
        graph: Keep the graph of all steps.
    """
    path = [leaves(weights)]
    for loss in losses:
        gradients = torch.autograd.grad(loss(path[-1]), list(path[-1].values()), create_graph=graph)
        moved = {
            name: value - lr * gradient for (name, value), gradient in zip(path[-1].items(), gradients, strict=True)
        }
        path.append(moved if graph else leaves(moved))
    return path


def pull_back(
    losses: Sequence[StepLoss],
    path: Sequence[Weights],
    end: Sequence[Tensor],
    inputs: Sequence[Tensor],
    lr: Tensor,
    *,
    through_weights: bool = True,
) -> list[Tensor]:
    """Return the gradient of a function of a descent's last weights in what its losses are made from.

    The steps are done again, one after another from the last to the first, so that the graph of one is held at a time:
    memory grows by the weights of a step and not by its activations. The gradient is that of one graph.

    Args:
        losses: One a step.
        path: The weights before each step, as :func:`descend` returns them.
        end: The function's gradient in each of the last weights.
        inputs: Tensors that the losses are made from, leaves.
        lr: Learning rate, a leaf.
        through_weights: Else the weights before each step are taken as constants, as TESLA does: what a step's examples
            do to later gradients is left out.

    Returns:
        The gradient in every input, and in the learning rate.
    """
    variables = [*inputs, lr]
    total = [torch.zeros_like(variable) for variable in variables]
    pull = list(end)
    for loss, before in zip(reversed(losses), reversed(path[: len(losses)]), strict=True):
        start = list(leaves(before).values())
        weights = dict(zip(before, start, strict=True))
        gradients = torch.autograd.grad(loss(weights), start, create_graph=True)
        moved = -lr * torch.stack([(g * p).sum() for g, p in zip(gradients, pull, strict=True)]).sum()
        wanted = [*variables, *start] if through_weights else variables
        found = torch.autograd.grad(moved, wanted, allow_unused=True, materialize_grads=True)
        total = [own + more for own, more in zip(total, found, strict=False)]
        if through_weights:
            pull = [own + more for own, more in zip(pull, found[len(variables) :], strict=True)]
    return total


def leaves(weights: Weights) -> Weights:
    """Return weights cut off from where they came from, with a gradient of their own."""
    return {name: value.detach().requires_grad_() for name, value in weights.items()}
