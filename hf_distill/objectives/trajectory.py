"""TrajectoryMatching: short trainings on real and on synthetic data should end at the same weights."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.func import functional_call

from hf_distill.augment.siamese import AnyAugment
from hf_distill.data.base import Data
from hf_distill.data.batch import Batch
from hf_distill.learners.learner import Weights
from hf_distill.learners.rate import LearnedRate
from hf_distill.learners.task import Task, batch_index, task_of
from hf_distill.learners.training import augmented
from hf_distill.networks.forecasters.dlinear import DLinear
from hf_distill.objectives.base import Objective
from hf_distill.options import NonNegativeFloat, NonNegativeInt, PositiveFloat, Steps
from hf_distill.pools.base import Pool
from hf_distill.pools.snapshots import Snapshots
from hf_distill.seeding import Streams, seeded
from hf_distill.synthetic.base import Synthetic


class TrajectoryMatching(Objective[Data]):
    """Distance of the ends of a synthetic and a real trajectory from one start, in units of the real one's length.

    ``|| T_j(theta, S) - T_i(theta, X) ||^2 / || theta - T_i(theta, X) ||^2``, where ``T_n`` are n steps of gradient
    descent. Both trajectories are made on the spot, so that i = j = 1 is gradient matching with one scale for all
    layers. The real side is a batch; for a series, by default, the windows of a random piece as long as the set.

    Sources: Cazenavette et al., Dataset Distillation by Matching Training Trajectories (CVPR 2022), whose real side are
    stored snapshots of whole epochs; Hong et al. (AAAI 2026), where it is short and on the same piece of a series.

    Args:
        pool: The networks at which trajectories begin; null for ``Snapshots`` of ``DLinear``.
        synthetic_steps: ``j``.
        real_steps: ``i``.
        lr: Learning rate of both; that of the synthetic side at the start where it is learned.
        lr_lr: Learning rate of the logarithm of the synthetic side's learning rate; 0 keeps it. MTT learns the rate,
            and trains on the set by it.
        batch: Examples of the set in a step; 0 for all.
        real_batch: Real examples in a step; 0 for all windows of a piece of a series, 256 where there is no piece.
        pieces: Whether the real side of a series is a random piece as long as the set, or windows from anywhere in it.
        augment: Siamese augmentation of images: the batches of a step of both sides get the same parameters.
    """

    paper = "Cazenavette et al., Dataset Distillation by Matching Training Trajectories, CVPR 2022"
    citation = """@inproceedings{cazenavette2022dataset,
  title = {Dataset Distillation by Matching Training Trajectories},
  author = {Cazenavette, George and Wang, Tongzhou and Torralba, Antonio and Efros, Alexei A. and Zhu, Jun-Yan},
  booktitle = {IEEE/CVF Conference on Computer Vision and Pattern Recognition},
  year = {2022}
}"""

    def __init__(
        self,
        *,
        pool: Pool | None = None,
        synthetic_steps: Steps = 1,
        real_steps: Steps = 1,
        lr: PositiveFloat = 0.05,
        lr_lr: NonNegativeFloat = 0.0,
        batch: NonNegativeInt = 0,
        real_batch: NonNegativeInt = 0,
        pieces: bool = True,
        augment: AnyAugment | None = None,
    ) -> None:
        super().__init__()
        self.pool = Snapshots(network=DLinear()) if pool is None else pool
        self.synthetic_steps = synthetic_steps
        self.real_steps = real_steps
        self.lr = lr
        self.lr_lr = lr_lr
        self.batch = batch
        self.real_batch = real_batch
        self.pieces = pieces
        self.augment = augment
        self._rate = LearnedRate(lr, lr_lr) if lr_lr else None

    def work(self, synthetic: Synthetic, real: Data) -> float:
        """See :class:`Objective`."""
        return self.pool.work(task_of(real), self.batch or synthetic.examples(synthetic()))

    def forward(self, synthetic: Synthetic, real: Data, streams: Streams) -> dict[str, Tensor]:
        """See :class:`Objective`; returns ``trajectory``."""
        decoded = synthetic()
        piece = real.piece(len(decoded.x), streams.generator("piece")) if self.pieces else None
        return {"trajectory": self.match(synthetic, decoded, piece, real, streams)}

    def match(self, synthetic: Synthetic, decoded: Batch, piece: Tensor | None, real: Data, streams: Streams) -> Tensor:
        """Return the distance for a decoded set against a real piece ``(M, N)``, or against batches where it is None.

        A piece and a set that are equal, with equal steps and batches, have distance zero: both draw the same numbers.
        """
        task = task_of(real)
        with seeded(streams.seed_for("dropout")):
            body = self.pool.draw(task, synthetic, streams)
            start: Weights = dict(body.named_parameters())
            target = descend(
                self._losses(task, body, self._real(synthetic, piece, task, streams), streams),
                start,
                self.lr,
                self.real_steps,
                graph=False,
            )
            end = descend(
                self._losses(task, body, self._drawn(synthetic, decoded, self.batch, streams), streams),
                start,
                self.lr if self._rate is None else self._rate(),
                self.synthetic_steps,
                graph=True,
            )
        return trajectory_distance(end, target, start)

    @staticmethod
    def _drawn(synthetic: Synthetic, decoded: Batch, count: int, streams: Streams) -> Callable[[], Batch]:
        generator = streams.generator("batch")
        return lambda: synthetic.view(decoded, batch_index(synthetic.examples(decoded), count, generator))

    def _real(self, synthetic: Synthetic, piece: Tensor | None, task: Task, streams: Streams) -> Callable[[], Batch]:
        if piece is not None:
            return self._drawn(synthetic, Batch.of(piece, torch.arange(len(piece))), self.real_batch, streams)
        generator = streams.generator("real")
        return lambda: task.draw(self.real_batch or 256, generator)

    def _losses(
        self, task: Task, body: nn.Module, draw: Callable[[], Batch], streams: Streams
    ) -> Callable[[Weights], Tensor]:
        generator = streams.generator("augment")

        def loss(weights: Weights) -> Tensor:
            batch = augmented(draw(), self.augment, generator, alike=True)
            return task.loss(functional_call(body, weights, (batch.x,)), batch)

        return loss


def descend(
    loss: Callable[[Weights], Tensor], weights: Weights, lr: float | Tensor, steps: int, *, graph: bool
) -> Weights:
    """Take steps of gradient descent; with ``graph`` they are differentiable in the loss's inputs and in ``lr``."""
    weights = {name: value.detach().requires_grad_() for name, value in weights.items()}
    for _ in range(steps):
        gradients = torch.autograd.grad(loss(weights), list(weights.values()), create_graph=graph)
        weights = {
            name: value - lr * gradient for (name, value), gradient in zip(weights.items(), gradients, strict=True)
        }
        if not graph:
            weights = {name: value.detach().requires_grad_() for name, value in weights.items()}
    return weights


def trajectory_distance(end: Weights, target: Weights, start: Weights) -> Tensor:
    """Return ``|end - target|^2 / |start - target|^2`` over all weights; only ``end`` gets a gradient."""
    gap = [(end[name] - target[name].detach()).square().sum() for name in end]
    length = [(start[name] - target[name]).detach().square().sum() for name in end]
    return torch.stack(gap).sum() / (torch.stack(length).sum() + 1e-12)
