"""Starts: weights along trainings on real data, where matching begins."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from hf_distill.learners.learner import InnerOptimizer, Learner, Weights
from hf_distill.learners.task import Task
from hf_distill.seeding import Streams

_LR = 1e-3
_BATCH = 32


class Starts:
    """A bank of weights, filled when the first one is drawn; what it holds follows from the seed alone.

    Args:
        network: What is trained.
        count: Trainings; 0 gives fresh weights every time.
        steps: Steps of each, by Adam with learning rate 1e-3 and batches of 32.
        every: Steps between two snapshots, the first of which is the fresh network.
    """

    def __init__(self, network: Any, count: int, steps: int, every: int) -> None:
        self.network = network
        self.count = count
        self.steps = steps
        self.every = every
        self._bank: list[Weights] = []
        self._body: nn.Module | None = None

    def draw(self, task: Task, streams: Streams, device: torch.device) -> tuple[nn.Module, Weights]:
        """Return a module and random weights for it."""
        if self._body is None:
            self._body = task.build(self.network, 0).to(device)
            self._fill(task, streams.at(0), device)
        if not self._bank:
            fresh = task.build(self.network, streams.seed_for("network")).to(device)
            return self._body, dict(fresh.named_parameters())
        place = int(torch.randint(len(self._bank), (), generator=streams.generator("start")))
        return self._body, self._bank[place]

    def _fill(self, task: Task, streams: Streams, device: torch.device) -> None:
        optimizer = InnerOptimizer("adam", _LR)
        body = self._body
        assert body is not None
        for run in range(self.count):
            loss = real_loss(task, body, streams.generator("bank", run))
            learner = Learner.of(task.build(self.network, streams.seed_for("bank", run))).to(device)
            for _ in range(0, self.steps, self.every):
                self._bank.append({name: value.clone() for name, value in learner.weights.items()})
                learner.advance(loss, self.every, optimizer, graph=False)


def real_loss(task: Task, body: nn.Module, generator: torch.Generator) -> Callable[[Weights], Tensor]:
    """Return the loss of a training on real data, from weights to that of the next batch of 32."""

    def loss(weights: Weights) -> Tensor:
        batch = task.draw(_BATCH, generator)
        return task.loss(functional_call(body, weights, (batch.x,)), batch)

    return loss
