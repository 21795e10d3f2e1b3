"""HarmonicMatching: the strongest harmonics of the real series, and the training that they give."""

from __future__ import annotations

from typing import Annotated, Literal

import torch
from torch import Tensor

from hf_distill.data.base import Data
from hf_distill.data.batch import Batch
from hf_distill.data.series import SeriesData
from hf_distill.errors import UserError
from hf_distill.objectives.base import Objective
from hf_distill.objectives.trajectory import TrajectoryMatching
from hf_distill.options import NonNegativeFloat, PositiveInt, Range
from hf_distill.seeding import Streams
from hf_distill.synthetic.base import Synthetic
from hf_distill.synthetic.harmonic import HarmonicSet

_TINY = 1e-12


class HarmonicMatching(Objective[SeriesData]):
    """Harmonic distillation: amplitudes of the top harmonics of a random real piece, and a trajectory on them alone.

    ``L_grad + weight * L_harm`` for a random real piece X as long as the set S. H are the ``k`` bins of largest
    amplitude of X, for each channel, the mean among them. ``L_harm = (mean | |F_X| - |F_S| |^p)^(1/p)`` over H and the
    channels, and ``L_grad`` is the distance of trajectories on the two series of which only the bins H are left. L_harm
    leaves the phases free; L_grad determines them. Transforms are scaled to keep the energy, so that ``weight`` does
    not depend on the length.

    Source: Hong et al., Harmonic Dataset Distillation for Time Series Forecasting (AAAI 2026).

    Args:
        k: Harmonics of each channel.
        weight: Of ``L_harm``; 0 leaves it out.
        p: Its norm.
        trajectory: ``L_grad``; ``default`` for ``TrajectoryMatching`` as it is, null leaves it out.
        filtered: Whether trajectories see the bins H alone, or the whole series.

    Examples:
        In YAML:

            method:
              class_path: OptimizedDistillation
              init_args:
                objective:
                  class_path: HarmonicMatching
                  init_args: {k: 10, trajectory: null}  # L_harm alone
    """

    paper = "Hong et al., Harmonic Dataset Distillation for Time Series Forecasting, AAAI 2026"
    citation = HarmonicSet.citation

    def __init__(
        self,
        *,
        k: PositiveInt = 20,
        weight: NonNegativeFloat = 1.0,
        p: Annotated[float, Range(1, 100)] = 2.0,
        trajectory: TrajectoryMatching | Literal["default"] | None = "default",
        filtered: bool = True,
    ) -> None:
        super().__init__()
        self.k = k
        self.weight = weight
        self.p = p
        self.trajectory = TrajectoryMatching() if trajectory == "default" else trajectory
        self.filtered = filtered

    def prepare(self, synthetic: Synthetic, real: Data, steps: int) -> None:
        """See :class:`Objective`: check the options."""
        if real.spec.kind != "series":
            raise UserError("HarmonicMatching needs a time series: choose SeriesData")
        length = len(synthetic().x)
        bins = length // 2 + 1
        if self.k > bins:
            raise UserError(f"objective.k is {self.k}; {length} time steps have 1 to {bins} harmonics")
        if self.trajectory is None and not self.weight:
            raise UserError("nothing is left to match: set objective.weight, or objective.trajectory")

    def work(self, synthetic: Synthetic, real: Data) -> float:
        """See :class:`Objective`."""
        return self.trajectory.work(synthetic, real) if self.trajectory is not None else 0.0

    def forward(self, synthetic: Synthetic, real: SeriesData, streams: Streams) -> dict[str, Tensor]:
        """See :class:`Objective`; returns ``trajectory`` and ``harmonic``, the latter times its weight."""
        decoded = synthetic()
        piece = real.piece(len(decoded.x), streams.generator("piece"))
        theirs, ours = (torch.fft.rfft(series, dim=0, norm="ortho") for series in (piece, decoded.x))
        top = theirs.abs().topk(self.k, 0).indices  # k, N
        terms = {}
        if self.trajectory is not None:
            if self.filtered:
                mask = torch.zeros_like(theirs.real).scatter_(0, top, 1.0)
                series = [torch.fft.irfft(f * mask, n=len(piece), dim=0, norm="ortho") for f in (theirs, ours)]
                piece, decoded = series[0], Batch(series[1], decoded.y, decoded.w)
            terms["trajectory"] = self.trajectory.match(synthetic, decoded, piece, real, streams)
        if self.weight:
            terms["harmonic"] = self.weight * harmonic_distance(ours, theirs, top, self.p)
        return terms


def harmonic_distance(ours: Tensor, theirs: Tensor, top: Tensor, p: float) -> Tensor:
    """Return ``(mean | |ours| - |theirs| |^p)^(1/p)`` over some bins ``(k, N)`` of two spectra ``(F, N)``."""
    # The amplitude, and a root of the mean, have no gradient at zero.
    amplitudes = [(f.real.square() + f.imag.square() + _TINY).sqrt().gather(0, top) for f in (ours, theirs)]
    gaps = (amplitudes[0] - amplitudes[1]).abs()
    return (gaps.pow(p).mean() + _TINY).pow(1 / p) - _TINY ** (1 / p)
