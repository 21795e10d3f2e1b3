"""CondTSF: pull the future in every window towards the forecast of an expert."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn

from hf_distill.data.base import Data
from hf_distill.data.series import SeriesData
from hf_distill.errors import UserError
from hf_distill.learners.task import task_of
from hf_distill.networks.forecasters.dlinear import DLinear
from hf_distill.objectives.base import Objective
from hf_distill.objectives.trajectory import TrajectoryMatching
from hf_distill.options import PositiveInt, Share
from hf_distill.pools.base import Pool
from hf_distill.pools.pretrained import PretrainedNetworks
from hf_distill.seeding import Streams
from hf_distill.synthetic.base import Synthetic
from hf_distill.synthetic.series import SeriesSet


class CondTSF(Objective[SeriesData]):
    """Another objective, whose step is replaced every few steps by an update of the windows' futures.

    ``S[future] <- (1 - beta) S[future] + beta f(S[past])``, window by window through the series, where f is a
    forecaster trained on the real series: the other objective makes the gradients fit, this the values.

    Source: Ding et al., CondTSF: One-line Plugin of Dataset Condensation for Time Series Forecasting (NeurIPS 2024).

    Args:
        objective: The other objective; null for ``TrajectoryMatching``.
        pool: ``f``; null for ``PretrainedNetworks`` with ``DLinear``.
        every: Steps of which the last is an update.
        beta: How far the future is moved.
        stride: Time steps from one window to the next.

    Examples:
        >>> from hf_distill import CondTSF, DLinear, PretrainedNetworks, Snapshots, TrajectoryMatching
        >>> matching = TrajectoryMatching(pool=Snapshots(network=DLinear(), count=4))
        >>> CondTSF(objective=matching, pool=PretrainedNetworks(network=DLinear()), every=5).paper
        'Ding et al., CondTSF, NeurIPS 2024'
    """

    paper = "Ding et al., CondTSF, NeurIPS 2024"
    citation = """@inproceedings{ding2024condtsf,
  title = {CondTSF: One-line Plugin of Dataset Condensation for Time Series Forecasting},
  author = {Ding, Jianrong and Liu, Zhanyu and Zheng, Guanjie and Jin, Haiming and Kong, Linghe},
  booktitle = {Advances in Neural Information Processing Systems},
  year = {2024}
}"""

    def __init__(
        self,
        *,
        objective: Objective | None = None,
        pool: Pool | None = None,
        every: PositiveInt = 3,
        beta: Share = 0.01,
        stride: PositiveInt = 4,
    ) -> None:
        super().__init__()
        self.objective = TrajectoryMatching() if objective is None else objective
        self.pool = PretrainedNetworks(network=DLinear()) if pool is None else pool
        self.every = every
        self.beta = beta
        self.stride = stride
        self._next: Tensor | None = None

    def prepare(self, synthetic: Synthetic, real: Data, steps: int) -> None:
        """See :class:`Objective`: check the options."""
        if not isinstance(synthetic, SeriesSet):
            raise UserError("CondTSF needs a time series: choose SeriesSet or HarmonicSet, and SeriesData")
        self.objective.prepare(synthetic, real, steps)

    def work(self, synthetic: Synthetic, real: Data) -> float:
        """See :class:`Objective`."""
        return self.objective.work(synthetic, real)

    def forward(self, synthetic: Synthetic, real: SeriesData, streams: Streams) -> dict[str, Tensor]:
        """See :class:`Objective`; returns the other objective's terms, or the mean squared ``move`` of an update."""
        if (streams.step + 1) % self.every:
            return self.objective(synthetic, real, streams)
        x = synthetic().x
        # Every rank has the same forecaster and so makes the same update.
        forecaster = self.pool.draw(task_of(real), synthetic, replace(streams, rank=0)).eval()
        self._next = self._updated(x.detach().clone(), forecaster, real)
        # The loop's own step has no gradient and is overwritten at its end.
        return {"move": (self._next - x).square().mean().detach() + 0 * x.sum()}

    def on_step_end(self, synthetic: Synthetic) -> None:
        """See :class:`Objective`: make the update."""
        if self._next is not None and isinstance(synthetic, SeriesSet):
            synthetic.assign(self._next)
        self._next = None
        self.objective.on_step_end(synthetic)

    @torch.no_grad()
    def _updated(self, x: Tensor, forecaster: nn.Module, real: SeriesData) -> Tensor:
        spec = real.spec
        for start in range(0, len(x) - spec.window + 1, self.stride):
            past, future = x[start : start + spec.lookback], x[start + spec.lookback : start + spec.window]
            future.lerp_(forecaster(past[None])[0], self.beta)
        return x
