"""Snapshots: weights along trainings on real data."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

import torch
from torch import nn

from hf_distill.augment.siamese import AnyAugment
from hf_distill.learners.learner import InnerOptimizer, Learner, Weights
from hf_distill.learners.task import Task
from hf_distill.learners.training import train_on_real
from hf_distill.options import PositiveFloat, PositiveInt, Range
from hf_distill.pools.base import Pool, device_of, with_weights
from hf_distill.seeding import Streams, seeded
from hf_distill.synthetic.base import Synthetic
from hf_distill.training.building import Network


class Snapshots(Pool):
    """Snapshots of networks in training on the real data, one of them at random at every draw.

    The trainings are made when the first one is drawn; each rank has its own. Their first snapshot is the fresh
    network.

    Args:
        network: What is trained.
        count: Trainings.
        steps: Steps of each, by Adam at a constant rate.
        every: Steps between two snapshots.
        lr: Learning rate.
        batch: Real examples of a step.
        augment: Augmentation of these.

    Examples:
        In YAML:

            method:
              class_path: OptimizedDistillation
              init_args:
                objective:
                  class_path: DistributionMatching
                  init_args:
                    pool: {class_path: Snapshots, init_args: {network: ConvNet, count: 4, steps: 100, every: 20}}
    """

    knows_real: ClassVar[bool] = True

    def __init__(
        self,
        *,
        network: Network,
        count: Annotated[int, Range(1, 10_000)] = 8,
        steps: PositiveInt = 200,
        every: PositiveInt = 20,
        lr: PositiveFloat = 1e-3,
        batch: PositiveInt = 32,
        augment: AnyAugment | None = None,
    ) -> None:
        super().__init__()
        self.network = network
        self.count = count
        self.steps = steps
        self.every = every
        self.lr = lr
        self.batch = batch
        self.augment = augment
        self._bank: list[Weights] = []
        self._ends: list[Weights] = []  # of each training
        # Of a stream, which goes on, the trainings cannot be made again.
        self._keep = False
        self._bodies: list[nn.Module] = []

    @property
    def kinds(self) -> list[Network]:
        """See :class:`Pool`."""
        return [self.network]

    def get_extra_state(self) -> dict[str, Any]:
        """Return the snapshots where they cannot be made again, for checkpoints."""
        return {"bank": self._bank, "ends": self._ends} if self._keep else {}

    def set_extra_state(self, state: dict[str, Any]) -> None:
        """Go on with the snapshots of a checkpoint."""
        self._bank, self._ends = state.get("bank", []), state.get("ends", [])

    def draw(self, task: Task, synthetic: Synthetic, streams: Streams) -> nn.Module:
        """See :class:`Pool`."""
        body = self.prepared(task, synthetic, streams)
        return with_weights(body, one_of(self._bank, streams.generator("start")))

    def trained(self, task: Task, synthetic: Synthetic, streams: Streams) -> nn.Module:
        """See :class:`Pool`: the end of one of the trainings."""
        body = self.prepared(task, synthetic, streams)
        return with_weights(body, one_of(self._ends, streams.generator("trained")))

    def prepared(self, task: Task, synthetic: Synthetic, streams: Streams) -> nn.Module:
        """Return a module of the networks' shape, after the trainings, which are made now if they are not yet."""
        device = device_of(synthetic)
        if not self._bodies:
            self._bodies = [task.build(self.network, 0).to(device)]
            self._keep = task.is_stream
            self._bank, self._ends = (
                [{name: value.to(device) for name, value in weights.items()} for weights in held]
                for held in (self._bank, self._ends)
            )
        if not self._bank:
            self._fill(task, streams.at(0), device)
        return self._bodies[0]

    def _fill(self, task: Task, streams: Streams, device: torch.device) -> None:
        optimizer = InnerOptimizer("adam", self.lr)
        # Dropout draws from torch's global generator.
        with seeded(streams.seed_for("bank", "dropout")):
            for run in range(self.count):
                generator = streams.generator("bank", run)
                learner = Learner.of(task.build(self.network, streams.seed_for("bank", run))).to(device)
                for _ in range(0, self.steps, self.every):
                    self._bank.append({name: value.clone() for name, value in learner.weights.items()})
                    train_on_real(
                        learner,
                        self._bodies[0],
                        task,
                        steps=self.every,
                        optimizer=optimizer,
                        batch=self.batch,
                        generator=generator,
                        augment=self.augment,
                    )
                self._ends.append(learner.weights)


def one_of(held: list[Weights], generator: torch.Generator) -> Weights:
    """Return one of several networks' weights at random."""
    return held[int(torch.randint(len(held), (), generator=generator))]
