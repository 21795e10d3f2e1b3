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
        # As one vector: a step is then a dozen operations and not a dozen for each parameter.
        weights, first, second = (_flat(values) for values in (self.weights, self.first, self.second))
        weights.requires_grad_()
        with torch.enable_grad():
            for _ in range(steps):
                (gradient,) = torch.autograd.grad(loss(self._named(weights)), weights, create_graph=graph)
                self.step += 1
                weights, first, second = _step(weights, gradient, first, second, self.step, optimizer)
                if not graph:
                    weights = weights.detach().requires_grad_()
        found = self._named(weights)
        self.weights, self.first, self.second = (
            {name: value.detach() for name, value in values.items()}
            for values in (found, self._named(first), self._named(second))
        )
        return found

    def _named(self, flat: Tensor) -> Weights:
        """Return the parts of a vector of all parameters, by name."""
        parts = flat.split([value.numel() for value in self.weights.values()])
        return {name: part.view_as(value) for (name, value), part in zip(self.weights.items(), parts, strict=True)}

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


def _flat(values: Weights) -> Tensor:
    return torch.cat([value.detach().reshape(-1) for value in values.values()])


def _step(
    weights: Tensor, gradient: Tensor, first: Tensor, second: Tensor, step: int, optimizer: InnerOptimizer
) -> tuple[Tensor, Tensor, Tensor]:
    rate = optimizer.rate(step)
    if optimizer.kind == "sgd":
        return weights - rate * gradient, first, second
    beta1, beta2, tiny = 0.9, 0.999, 1e-10
    first = beta1 * first + (1 - beta1) * gradient
    second = beta2 * second + (1 - beta2) * gradient.square()
    variance = second if optimizer.through_variance else second.detach()
    # The small number stands under the root, which has no derivative at zero.
    scale = (variance / (1 - beta2**step) + tiny).sqrt()
    return weights - rate / (1 - beta1**step) * first / scale, first, second
