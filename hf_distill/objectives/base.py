"""Objective: what the synthetic set is optimised for."""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import Any, Generic

from torch import Tensor, nn

from hf_distill.data.base import DataT
from hf_distill.learners.rate import LearnedRate
from hf_distill.parts import Part
from hf_distill.pools.base import Pool
from hf_distill.seeding import Streams
from hf_distill.synthetic.base import Synthetic


class Objective(nn.Module, Part, Generic[DataT]):
    """A loss of a synthetic set against real data.

    An objective draws all its randomness from the streams that it is given. State that it cannot rebuild from them
    belongs into its ``state_dict`` (buffers, or ``get_extra_state``), which checkpoints hold: a resumed run then goes
    on as if it had never stopped. Every rank has its own.

    Its parameters, if it has any, are learned beside the set by the same optimiser, equal on all ranks.

    Attributes:
        paper: Short reference.

    Examples:
        >>> from hf_distill import MLP, DistributionMatching, PixelSet, RealData, RealSamples
        >>> from hf_distill.seeding import Streams
        >>> real, streams, synthetic = RealData().setup(), Streams(0), PixelSet(per_class=1)
        >>> start = RealSamples().draw(real, 1, streams)
        >>> synthetic.initialize(start.x, start.y, real.spec)
        >>> objective = DistributionMatching(network=MLP(width=16), real_per_class=8)
        >>> objective.prepare(synthetic, real, steps=1)
        >>> list(objective(synthetic, real, streams.at(0)))
        ['features']
    """

    __repr__ = Part.__repr__  # by its options, not by its modules
    paper: str = ""

    @abstractmethod
    def forward(self, synthetic: Synthetic, real: DataT, streams: Streams) -> dict[str, Tensor]:
        """Return the loss terms of a step, scalars that are summed.

        Args:
            synthetic: The set; its parameters get the gradient.
            real: The data.
            streams: Randomness of this step and rank.
        """

    def check(self, real: DataT) -> None:
        """Refuse, before any work, what its pools lack for some data.

        Raises:
            UserError: One lacks something.
        """
        for pool in self.modules():
            if isinstance(pool, Pool):
                pool.check(real)

    def prepare(self, synthetic: Synthetic, real: DataT, steps: int) -> None:
        """Called once before the loop, with the number of steps that the run has in all."""

    def work(self, synthetic: Synthetic, real: DataT) -> float:
        """Return the floating-point operations of a step's largest call; few of them run best on one thread."""
        return float("inf")

    def cycle(self) -> tuple[int, int]:
        """Return in how many steps its work comes round again, and how many of these, the first, take longer."""
        return 1, 0

    def param_groups(self, lr: float) -> list[dict[str, Any]]:
        """Return the optimiser's parameter groups of what the objective itself learns, those of inner objectives too.

        Args:
            lr: Learning rate of the set.
        """
        return [{"params": list(rate.parameters()), "lr": rate.lr} for rate in self._rates()]

    def learned_recipe(self) -> dict[str, float]:
        """Return what it has learned about training on the set, as records name it.

        Returns:
            ``{"lr": value}`` where it learns a learning rate of gradient descent, ``adam_lr`` for one of Adam; the
            geometric mean of several. Else nothing.
        """
        logs: dict[str, list[float]] = {}
        for rate in self._rates():
            logs.setdefault(rate.name, []).append(rate.log.item())
        return {name: math.exp(sum(own) / len(own)) for name, own in logs.items()}

    def _rates(self) -> list[LearnedRate]:
        return [module for module in self.modules() if isinstance(module, LearnedRate)]

    def on_step_end(self, synthetic: Synthetic) -> None:
        """Called after the synthetic set was updated."""
