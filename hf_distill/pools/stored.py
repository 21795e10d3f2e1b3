"""StoredExperts: snapshots of networks that were trained and stored before."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import nn

from hf_distill.data.base import Data
from hf_distill.errors import UserError
from hf_distill.experts.store import ExpertStore
from hf_distill.experts.training import ExpertTraining
from hf_distill.learners.learner import Weights
from hf_distill.learners.task import Task
from hf_distill.options import NonNegativeInt, PositiveInt, Text
from hf_distill.pools.base import Pool, device_of, with_weights
from hf_distill.seeding import Streams
from hf_distill.synthetic.base import Synthetic
from hf_distill.training.building import Network


class StoredExperts(Pool):
    """At every draw a random expert as it was after a random epoch, and what a few epochs more made of it.

    ``hf-distill experts`` trains and stores the experts. The epoch is uniform in ``min_start_epoch`` to below
    ``max_start_epoch``: early epochs teach what is easy, later ones what is hard. With ``widening_steps`` the upper end
    goes from ``first_max_start_epoch`` to ``max_start_epoch`` in so many steps.

    Sources: Cazenavette et al., Dataset Distillation by Matching Training Trajectories (CVPR 2022); Guo et al., Towards
    Lossless Dataset Distillation via Difficulty-Aligned Trajectory Matching (DATM, ICLR 2024), for the lower end and
    the widening.

    Args:
        folder: Where they are stored.
        experts: What they are. Those in the folder must be that, trained on the same rows; there may be more of them.
        epochs: Epochs from a start to its goal, MTT's ``expert_epochs``.
        min_start_epoch: The first epoch to start from.
        max_start_epoch: The first epoch not to start from.
        first_max_start_epoch: The same at the first step; null for ``max_start_epoch``.
        widening_steps: Steps in which it grows.

    Examples:
        In YAML:

            method:
              class_path: OptimizedDistillation
              init_args:
                objective:
                  class_path: TrajectoryMatching
                  init_args:
                    pool:
                      class_path: StoredExperts
                      init_args: {folder: outputs/experts, experts: {network: ConvNet, count: 20}, max_start_epoch: 10}
    """

    knows_real: ClassVar[bool] = True
    citation = """@inproceedings{guo2024lossless,
  title = {Towards Lossless Dataset Distillation via Difficulty-Aligned Trajectory Matching},
  author = {Guo, Ziyao and Wang, Kai and Cazenavette, George and Li, Hui and Zhang, Kaipeng and You, Yang},
  booktitle = {International Conference on Learning Representations},
  year = {2024}
}"""

    def __init__(
        self,
        *,
        folder: Text,
        experts: ExpertTraining,
        epochs: PositiveInt = 2,
        min_start_epoch: NonNegativeInt = 0,
        max_start_epoch: PositiveInt = 20,
        first_max_start_epoch: PositiveInt | None = None,
        widening_steps: NonNegativeInt = 0,
    ) -> None:
        super().__init__()
        self.folder = folder
        self.experts = experts
        self.epochs = epochs
        self.min_start_epoch = min_start_epoch
        self.max_start_epoch = max_start_epoch
        self.first_max_start_epoch = first_max_start_epoch
        self.widening_steps = widening_steps
        self._bodies: list[nn.Module] = []

    @classmethod
    def foreign(cls, options: Mapping[str, Any]) -> list[str]:
        """See :class:`Part`."""
        return ["folder"]

    @property
    def kinds(self) -> list[Network]:
        """See :class:`Pool`."""
        return [self.experts.network]

    def check(self, real: Data) -> None:
        """See :class:`Pool`; reads every expert once.

        Raises:
            UserError: An expert is missing, damaged or of another network, recipe or data; or no epochs are left to
                draw from.
        """
        ends = self._end(0), self.max_start_epoch
        if self.min_start_epoch >= min(ends):
            raise UserError(
                f"pool.min_start_epoch is {self.min_start_epoch}; it must be less than the first epoch not to start "
                f"from, {min(ends)}"
            )
        epochs = self.experts.describe(real)["epochs"]
        last = max(ends) - 1 + self.epochs
        if last > epochs:
            name = "first_max_start_epoch" if ends[0] > ends[1] else "max_start_epoch"
            raise UserError(
                f"pool.{name} {max(ends)} and pool.epochs {self.epochs} ask for epoch {last}, and the experts have "
                f"{epochs}: lower one of them, or train for more epochs"
            )
        self.experts.check(real, ExpertStore.open(self.folder))

    def draw(self, task: Task, synthetic: Synthetic, streams: Streams) -> nn.Module:
        """See :class:`Pool`."""
        return with_weights(self._body(task, synthetic), self._weights(synthetic, *self._place(streams)))

    def goal(self, task: Task, synthetic: Synthetic, streams: Streams) -> Weights:
        """See :class:`Pool`: what it was some epochs later."""
        number, epoch = self._place(streams)
        return self._weights(synthetic, number, epoch + self.epochs)

    def trained(self, task: Task, synthetic: Synthetic, streams: Streams) -> nn.Module:
        """See :class:`Pool`: an expert as it was in the end."""
        number = int(torch.randint(self.experts.count, (), generator=streams.generator("trained")))
        last = ExpertStore.open(self.folder).epochs
        return with_weights(self._body(task, synthetic), self._weights(synthetic, number, last))

    def _end(self, step: int) -> int:
        """Return the first epoch not to start from at a step."""
        first = self.first_max_start_epoch or self.max_start_epoch
        if step >= self.widening_steps:
            return self.max_start_epoch
        return first + int((self.max_start_epoch - first) * step / self.widening_steps)

    def _place(self, streams: Streams) -> tuple[int, int]:
        """Return the number of the expert and the epoch to start from."""
        generator = streams.generator("start")
        number = torch.randint(self.experts.count, (), generator=generator)
        epoch = torch.randint(self.min_start_epoch, self._end(streams.step), (), generator=generator)
        return int(number), int(epoch)

    def _weights(self, synthetic: Synthetic, number: int, epoch: int) -> Weights:
        device = device_of(synthetic)
        read = ExpertStore.open(self.folder).read(number, epoch)
        return {name: value.to(device) for name, value in read.items()}

    def _body(self, task: Task, synthetic: Synthetic) -> nn.Module:
        if not self._bodies:
            self._bodies = [task.build(self.experts.network, 0).to(device_of(synthetic))]
        return self._bodies[0]
