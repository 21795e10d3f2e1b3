"""Undistilled: a set as it starts, nothing learned."""

from __future__ import annotations

from hf_distill.data.base import Data
from hf_distill.initialization.base import InitialSamples
from hf_distill.initialization.subseries import SubSeries
from hf_distill.methods.method import Method, Run
from hf_distill.seeding import Streams
from hf_distill.synthetic.base import Synthetic
from hf_distill.synthetic.planner import filled
from hf_distill.synthetic.series import SeriesSet


class Undistilled(Method[Data]):
    """What a method would start from, published as it is: the baseline of a method, a random piece of a series say.

    Args:
        synthetic: The set that is filled; null for a ``SeriesSet``.
        initial: What it is filled with; null for a ``SubSeries``.

    Examples:
        >>> from hf_distill import MeanSamples, PixelSet, RealData, Undistilled
        >>> method = Undistilled(synthetic=PixelSet(per_class=1), initial=MeanSamples())
        >>> len(method.distill(RealData()))  # the mean image of every class
        10
    """

    def __init__(self, *, synthetic: Synthetic | None = None, initial: InitialSamples | None = None) -> None:
        self.synthetic: Synthetic = SeriesSet() if synthetic is None else synthetic
        self.initial: InitialSamples = SubSeries() if initial is None else initial

    def fit(self, real: Data, run: Run) -> Synthetic:
        """See :class:`Method`."""
        self.open(real)
        synthetic = filled(self.synthetic, lambda size: self.initial.draw(real, size, Streams(run.seed)), real.spec)
        synthetic.advance(1.0)
        return synthetic
