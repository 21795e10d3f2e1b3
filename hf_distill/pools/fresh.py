"""FreshNetworks: a new random network at every draw."""

from __future__ import annotations

from torch import nn

from hf_distill.learners.task import Task
from hf_distill.pools.base import Pool, device_of
from hf_distill.seeding import Streams
from hf_distill.synthetic.base import Synthetic
from hf_distill.training.building import Network


class FreshNetworks(Pool):
    """Freshly initialised networks, which are never trained.

    Args:
        network: What is initialised.

    Examples:
        In YAML:

            method:
              class_path: OptimizedDistillation
              init_args:
                objective:
                  class_path: DistributionMatching
                  init_args:
                    pool: {class_path: FreshNetworks, init_args: {network: ConvNet}}
    """

    def __init__(self, *, network: Network) -> None:
        super().__init__()
        self.network = network

    @property
    def kinds(self) -> list[Network]:
        """See :class:`Pool`."""
        return [self.network]

    def draw(self, task: Task, synthetic: Synthetic, streams: Streams) -> nn.Module:
        """See :class:`Pool`."""
        return task.build(self.network, streams.seed_for("network")).to(device_of(synthetic))
