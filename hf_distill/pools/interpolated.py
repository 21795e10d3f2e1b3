"""InterpolatedNetworks: between a fresh network and what its training made of it."""

from __future__ import annotations

from typing import Annotated

import torch
from torch import nn

from hf_distill.augment.siamese import AnyAugment
from hf_distill.learners.task import Task
from hf_distill.options import PositiveFloat, PositiveInt, Range
from hf_distill.pools.base import with_weights
from hf_distill.pools.snapshots import Snapshots
from hf_distill.seeding import Streams
from hf_distill.synthetic.base import Synthetic
from hf_distill.training.building import Network


class InterpolatedNetworks(Snapshots):
    """At every draw ``l a + (1 - l) b``: the weights ``a`` of a fresh network, ``b`` after training, ``l`` uniform.

    Two networks are held for each training, and yet no draw sees the same one twice.

    Source: Zhang et al., DANCE: Dual-View Distribution Alignment for Dataset Condensation (IJCAI 2024), with 20
    trainings of 60 epochs; NCFM (CVPR 2025) uses the same networks.

    Args:
        network: What is trained.
        count: Trainings, made when the first network is drawn; each rank has its own.
        steps: Steps of each, by Adam at a constant rate.
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
                    pool: {class_path: InterpolatedNetworks, init_args: {network: ConvNet, count: 4, steps: 100}}
    """

    def __init__(
        self,
        *,
        network: Network,
        count: Annotated[int, Range(1, 10_000)] = 8,
        steps: PositiveInt = 200,
        lr: PositiveFloat = 1e-3,
        batch: PositiveInt = 32,
        augment: AnyAugment | None = None,
    ) -> None:
        super().__init__(network=network, count=count, steps=steps, every=steps, lr=lr, batch=batch, augment=augment)

    def draw(self, task: Task, synthetic: Synthetic, streams: Streams) -> nn.Module:
        """See :class:`Pool`."""
        body = self.prepared(task, synthetic, streams)
        generator = streams.generator("start")
        place = int(torch.randint(self.count, (), generator=generator))
        share = float(torch.rand((), generator=generator))
        fresh, end = self._bank[place], self._ends[place]
        return with_weights(body, {name: torch.lerp(end[name], fresh[name], share) for name in end})
