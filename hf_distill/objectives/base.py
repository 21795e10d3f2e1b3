"""Objective: what the synthetic set is optimised for."""

from __future__ import annotations

from abc import abstractmethod

from torch import Tensor, nn

from hf_distill.data.real import RealData
from hf_distill.parts import Part
from hf_distill.seeding import Streams
from hf_distill.synthetic.base import Synthetic


class Objective(nn.Module, Part):
    """A loss of a synthetic set against real data.

    An objective draws all its randomness from the streams that it is given and keeps no state that it could not
    rebuild from them: a resumed run needs nothing of it.

    Attributes:
        paper: Short reference.
        citation: BibTeX entries for the card.
    """

    paper: str = ""
    citation: str = ""

    @abstractmethod
    def forward(self, synthetic: Synthetic, real: RealData, streams: Streams) -> dict[str, Tensor]:
        """Return the loss terms of a step, scalars that are summed.

        Args:
            synthetic: The set; its parameters get the gradient.
            real: The data.
            streams: Randomness of this step and rank.
        """

    def prepare(self, synthetic: Synthetic, real: RealData, steps: int) -> None:
        """Called once before the loop, with the number of steps that the run has in all."""

    def work(self, synthetic: Synthetic, real: RealData) -> float:
        """Return the floating-point operations of a step's largest call; few of them run best on one thread."""
        return float("inf")

    def on_step_end(self, synthetic: Synthetic) -> None:
        """Called after the synthetic set was updated."""
