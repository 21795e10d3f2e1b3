"""Learner: a network in training whose steps can be differentiated."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from hf_distill.training.schedules import cosine

Weights = dict[str, Tensor]
Optimizer = Literal["adam", "sgd"]


@dataclass(frozen=True)
class InnerOptimizer:
    """How a learner is trained.

    Attributes:
        kind: ``adam`` (betas .9 and .999, bias-corrected) or plain ``sgd``.
        lr: Learning rate at the start; a scalar tensor can be differentiated through.
        total: Steps in which a cosine takes it to zero; 0 keeps it constant.
        through_variance: Differentiate Adam's second moment too.
    """

    kind: Optimizer = "adam"
    lr: float | Tensor = 1e-3
    total: int = 0
    through_variance: bool = False

    def rate(self, step: int) -> float | Tensor:
        """Return the learning rate of a step, counted from 1."""
        return self.lr * cosine(min(1.0, step / self.total)) if self.total else self.lr


class Learner:
    """Weights and moments of one network in training.

    Args:
        weights: The network's parameters by name.
    """

    def __init__(self, weights: Weights) -> None:
        self.weights = {name: value.detach().clone() for name, value in weights.items()}
        self.first = {name: torch.zeros_like(value) for name, value in self.weights.items()}
        self.second = {name: torch.zeros_like(value) for name, value in self.weights.items()}
        self.step = 0

    @classmethod
    def of(cls, network: nn.Module) -> Learner:
        """Start from a network's parameters."""
        return cls(dict(network.named_parameters()))

    def advance(
        self, loss: Callable[[Weights], Tensor], steps: int, optimizer: InnerOptimizer, *, graph: bool = True
    ) -> Weights:
        """Train on and return the weights; with ``graph`` they are differentiable in what the loss is made from.

        What the learner itself keeps is detached: the next call differentiates its own steps only.

        Args:
            loss: From weights to the loss of the next batch; called once a step.
            steps: How many.
            optimizer: How.
            graph: Keep the graph of the steps.
        """
        weights = {name: value.detach().requires_grad_() for name, value in self.weights.items()}
        first, second = self.first, self.second
        with torch.enable_grad():
            for _ in range(steps):
                gradients = torch.autograd.grad(loss(weights), list(weights.values()), create_graph=graph)
                self.step += 1
                moved = _step(weights, dict(zip(weights, gradients, strict=True)), first, second, self.step, optimizer)
                weights, first, second = moved
                if not graph:
                    weights = {name: value.detach().requires_grad_() for name, value in weights.items()}
        self.weights, self.first, self.second = (
            {name: value.detach() for name, value in values.items()} for values in (weights, first, second)
        )
        return weights

    def to(self, device: torch.device) -> Learner:
        """Move to a device."""
        for values in (self.weights, self.first, self.second):
            values.update({name: value.to(device) for name, value in values.items()})
        return self

    def state_dict(self) -> dict[str, Any]:
        """Return everything that :meth:`from_state` needs."""
        return {"weights": self.weights, "first": self.first, "second": self.second, "step": self.step}

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Learner:
        """Rebuild a learner."""
        learner = cls(state["weights"])
        learner.first, learner.second, learner.step = dict(state["first"]), dict(state["second"]), state["step"]
        return learner


def _step(
    weights: Weights, gradients: Weights, first: Weights, second: Weights, step: int, optimizer: InnerOptimizer
) -> tuple[Weights, Weights, Weights]:
    rate = optimizer.rate(step)
    if optimizer.kind == "sgd":
        return {name: value - rate * gradients[name] for name, value in weights.items()}, first, second
    beta1, beta2, tiny = 0.9, 0.999, 1e-10
    first = {name: beta1 * first[name] + (1 - beta1) * gradients[name] for name in weights}
    second = {name: beta2 * second[name] + (1 - beta2) * gradients[name].square() for name in weights}
    scale = 1 - beta2**step
    moved = {}
    for name, value in weights.items():
        variance = second[name] if optimizer.through_variance else second[name].detach()
        # The small number stands under the root, which has no derivative at zero.
        moved[name] = value - rate / (1 - beta1**step) * first[name] / (variance / scale + tiny).sqrt()
    return moved, first, second
