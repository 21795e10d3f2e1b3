"""Pool: the networks through which an objective looks at a set."""

from __future__ import annotations

import copy
from abc import abstractmethod
from typing import ClassVar

import torch
from torch import nn

from hf_distill.data.base import Data
from hf_distill.errors import UserError
from hf_distill.learners.learner import Weights
from hf_distill.learners.task import Task
from hf_distill.networks.cost import step_flops
from hf_distill.parts import Part
from hf_distill.seeding import Streams
from hf_distill.synthetic.base import Synthetic
from hf_distill.training.building import Network


class Pool(nn.Module, Part):
    """Networks that an objective compares real and synthetic samples in: which, and how far they are trained.

    A pool draws all its randomness from the streams that it is given. What it cannot make again from them and from the
    real data is part of its ``state_dict``, which checkpoints hold.

    Attributes:
        follows_set: Whether its networks depend on the set as it was in the steps before, so that the network of a step
            cannot be made again later.
        knows_real: Whether it has networks that are trained on the real data.

    Examples:
        >>> from hf_distill import ConvNet, Snapshots
        >>> pool = Snapshots(network=ConvNet(width=32), count=4)
        >>> pool.kinds, pool.knows_real
        ([ConvNet(width=32)], True)
    """

    __repr__ = Part.__repr__  # by its options, not by its modules
    follows_set: ClassVar[bool] = False
    knows_real: ClassVar[bool] = False

    @property
    @abstractmethod
    def kinds(self) -> list[Network]:
        """The descriptions of its networks."""

    @abstractmethod
    def draw(self, task: Task, synthetic: Synthetic, streams: Streams) -> nn.Module:
        """Return a network on the set's device; its weights are not to be changed.

        Args:
            task: Builds and trains networks for the data.
            synthetic: The set.
            streams: Randomness of this step and rank.

        Raises:
            UserError: The network is of another modality, or cannot be built for the data.
        """

    def check(self, real: Data) -> None:
        """Refuse, before the work, what the pool lacks for some data.

        Raises:
            UserError: It lacks something.
        """

    def goal(self, task: Task, synthetic: Synthetic, streams: Streams) -> Weights | None:
        """Return the weights that a training on the real data made of those that :meth:`draw` returns for such streams.

        None where the pool knows of no such training.
        """
        return None

    def trained(self, task: Task, synthetic: Synthetic, streams: Streams) -> nn.Module:
        """Return a network that is trained on the real data, where the pool ``knows_real``."""
        raise NotImplementedError(f"{type(self).__name__} trains none on real data")

    def require_real(self, option: str) -> None:
        """Refuse an option for which the pool needs networks that are trained on the real data.

        Raises:
            UserError: It has none.
        """
        if not self.knows_real:
            raise UserError(
                f"{option} needs a network that is trained on the real data, and objective.pool {type(self).__name__} "
                "has none: choose InterpolatedNetworks, Snapshots, StoredExperts or PretrainedNetworks"
            )

    def example(self, task: Task) -> nn.Module:
        """Return a fresh network of the first kind, on the CPU."""
        return task.build(self.kinds[0], 0)

    def work(self, task: Task, examples: int) -> float:
        """Return the floating-point operations of a training step of the largest network on so many examples."""
        sample = torch.zeros(1, *task.sample_shape())
        return max(step_flops(task.build(kind, 0), sample, examples) for kind in self.kinds)


def with_weights(body: nn.Module, weights: Weights) -> nn.Module:
    """Return a copy of a module that has other weights, without copying these."""
    network = copy.deepcopy(body)
    for name, parameter in network.named_parameters():
        parameter.data = weights[name].detach()
    return network


def device_of(synthetic: Synthetic) -> torch.device:
    """Return where a set is."""
    return next(synthetic.parameters()).device
