"""PretrainedNetworks: one network that is trained, on the real data or by somebody else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

from torch import nn

from hf_distill.augment.siamese import AnyAugment
from hf_distill.data.base import Data
from hf_distill.errors import UserError
from hf_distill.files import user_path
from hf_distill.learners.learner import InnerOptimizer, Learner, Weights
from hf_distill.learners.task import Supervised, Task, task_of
from hf_distill.learners.training import train_on_real
from hf_distill.networks.weights import load_weights
from hf_distill.options import PositiveFloat, PositiveInt
from hf_distill.pools.base import Pool, device_of, with_weights
from hf_distill.seeding import Streams, seeded
from hf_distill.synthetic.base import Synthetic
from hf_distill.training.building import Network
from hf_distill.training.teacher import Teacher


class PretrainedNetworks(Pool):
    """One trained network, the same at every draw and on every rank, in evaluation mode.

    Args:
        network: What it is; null for the teacher's.
        weights: A ``safetensors`` file with its weights, or the folder of a transformers model; null trains it on the
            real data when it is drawn first.
        steps: Training steps on the real data, by Adam along a cosine to zero.
        lr: Learning rate at the start.
        batch: Real examples of a step.
        augment: Augmentation of these.
        teacher: A teacher whose first network it is, in place of ``weights`` and of such a training.

    Examples:
        In YAML:

            method:
              class_path: OptimizedDistillation
              init_args:
                objective:
                  class_path: KernelRegression
                  init_args:
                    pool: {class_path: PretrainedNetworks, init_args: {teacher: {path: outputs/teacher}}}
    """

    knows_real: ClassVar[bool] = True

    def __init__(
        self,
        *,
        network: Network | None = None,
        weights: str | None = None,
        steps: PositiveInt = 800,
        lr: PositiveFloat = 1e-3,
        batch: PositiveInt = 32,
        augment: AnyAugment | None = None,
        teacher: Teacher | None = None,
    ) -> None:
        super().__init__()
        self.network = network
        self.weights = weights
        self.steps = steps
        self.lr = lr
        self.batch = batch
        self.augment = augment
        self.teacher = teacher
        self._trained: list[nn.Module] = []
        # Of a stream, which goes on, the training cannot be made again.
        self._state: Weights = {}

    @classmethod
    def foreign(cls, options: Mapping[str, Any]) -> list[str]:
        """See :class:`Part`."""
        return ["weights"] if options.get("weights") is not None else []

    @property
    def kinds(self) -> list[Network]:
        """See :class:`Pool`.

        Raises:
            UserError: Nothing says what it is.
        """
        known = self.network or (None if self.teacher is None else self.teacher.network)
        if known is None:
            raise UserError("objective.pool PretrainedNetworks needs a network: set its network, or its teacher's")
        return [known]

    def check(self, real: Data) -> None:
        """See :class:`Pool`; reads the weights, of a teacher too, and trains nothing.

        Raises:
            UserError: Nothing says what the network is, or there is no such file, or it holds another network.
        """
        task = task_of(real)
        if self.teacher is None:
            network = task.build(self.kinds[0], 0)
            if self.weights is not None:
                load_weights(network, user_path(self.weights))
        elif isinstance(task, Supervised):
            self.teacher.check(task.real)

    def get_extra_state(self) -> dict[str, Any]:
        """Return the weights where they cannot be made again, for checkpoints."""
        return self._state

    def set_extra_state(self, state: dict[str, Any]) -> None:
        """Go on with the weights of a checkpoint."""
        self._state = state

    def draw(self, task: Task, synthetic: Synthetic, streams: Streams) -> nn.Module:
        """See :class:`Pool`.

        Raises:
            UserError: There is no such file, or it holds the weights of another network.
        """
        if not self._trained:
            streams = replace(streams, rank=0, step=0)
            if self.teacher is not None:
                self._trained = [self._taught(self.teacher, task)]
                return self._trained[0]
            network = task.build(self.kinds[0], streams.seed_for("expert")).to(device_of(synthetic))
            if self._state:
                network.load_state_dict(self._state)
            elif self.weights is not None:
                load_weights(network, user_path(self.weights))
            else:
                network = self._train(network, task, streams)
                if task.is_stream:
                    self._state = network.state_dict()
            self._trained = [network.eval()]
        return self._trained[0]

    def trained(self, task: Task, synthetic: Synthetic, streams: Streams) -> nn.Module:
        """See :class:`Pool`: it has no other."""
        return self.draw(task, synthetic, streams)

    @staticmethod
    def _taught(teacher: Teacher, task: Task) -> nn.Module:
        if not isinstance(task, Supervised):
            raise UserError("objective.pool.teacher classifies samples: leave it out for a series")
        return teacher.experts(task.real).networks[0]

    def _train(self, network: nn.Module, task: Task, streams: Streams) -> nn.Module:
        learner = Learner.of(network)
        with seeded(streams.seed_for("expert", "dropout")):
            train_on_real(
                learner,
                network,
                task,
                steps=self.steps,
                optimizer=InnerOptimizer("adam", self.lr, self.steps),
                batch=self.batch,
                generator=streams.generator("expert"),
                augment=self.augment,
            )
        return with_weights(network, learner.weights)
