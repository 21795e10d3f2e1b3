"""TrajectoryMatching: short trainings on real and on synthetic data should end at the same weights."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Literal

import torch
from torch import Tensor, nn
from torch.func import functional_call

from hf_distill.augment.base import AugmentParams
from hf_distill.augment.siamese import AnyAugment
from hf_distill.data.base import Data
from hf_distill.data.batch import Batch
from hf_distill.learners.descent import StepLoss, descend, pull_back
from hf_distill.learners.learner import Weights
from hf_distill.learners.rate import LearnedRate
from hf_distill.learners.task import Task, batch_index, task_of
from hf_distill.networks.forecasters.dlinear import DLinear
from hf_distill.objectives.base import Objective
from hf_distill.objectives.scaling import with_gradient
from hf_distill.options import NonNegativeFloat, NonNegativeInt, PositiveFloat, Steps
from hf_distill.pools.base import Pool
from hf_distill.pools.snapshots import Snapshots
from hf_distill.seeding import Streams, seeded
from hf_distill.synthetic.base import Synthetic

Draw = Callable[[], Batch]
Lesson = Callable[[Batch], list[StepLoss]]


class TrajectoryMatching(Objective[Data]):
    """Distance of the ends of a synthetic and a real trajectory from one start, in units of the real one's length.

    ``|| T_j(theta, S) - theta* ||^2 / || theta - theta* ||^2``, where ``T_n`` are n steps of gradient descent. With a
    pool of ``StoredExperts`` start and end ``theta*`` are snapshots of an expert, some epochs apart. With any other the
    real trajectory is made on the spot, ``theta* = T_i(theta, X)``, so that i = j = 1 is gradient matching with one
    scale for all layers; its examples are a batch, or for a series, by default, the windows of a random piece as long
    as the set.

    Sources: Cazenavette et al., Dataset Distillation by Matching Training Trajectories (MTT, CVPR 2022), with stored
    experts; Cui et al., Scaling Up Dataset Distillation to ImageNet-1K with Constant Memory (TESLA, ICML 2023); Hong
    et al. (AAAI 2026), where the real side is short and on the same piece of a series.

    Args:
        pool: The networks at which trajectories begin; null for ``Snapshots`` of ``DLinear``.
        synthetic_steps: ``j``.
        real_steps: ``i``; not used with stored experts, as are all options of the real side.
        lr: Learning rate of both; that of the synthetic side at the start where it is learned.
        lr_lr: Learning rate of the logarithm of the synthetic side's learning rate; 0 keeps it. MTT learns the rate,
            and trains on the set by it.
        batch: Examples of the set in a step; 0 for all.
        real_batch: Real examples in a step; 0 for all windows of a piece of a series, 256 where there is no piece.
        pieces: Whether the real side of a series is a random piece as long as the set, or windows from anywhere in it.
        augment: Augmentation of images. With stored experts each image of a step has parameters of its own, as in
            their training and in MTT; else it is siamese: a step's batches of both sides get the same ones.
        memory: ``graph`` holds all steps at once; ``constant`` does them again backwards and holds one, for the same
            gradient; ``tesla`` does so with the weights of each step taken as constants, as published, and saves a part
            of the work.
        skip_above: Steps with a larger distance have no gradient (DATM: 1, the distance of a set that teaches nothing);
            null for none.

    Examples:
        In YAML:

            method:
              class_path: OptimizedDistillation
              init_args:
                objective:
                  class_path: TrajectoryMatching
                  init_args:
                    pool: {class_path: StoredExperts, init_args: {folder: outputs/experts, experts: {network: ConvNet}}}
                    synthetic_steps: 20
                    lr_lr: 1.0e-5
    """

    paper = "Cazenavette et al., Dataset Distillation by Matching Training Trajectories, CVPR 2022"
    citation = """@inproceedings{cazenavette2022dataset,
  title = {Dataset Distillation by Matching Training Trajectories},
  author = {Cazenavette, George and Wang, Tongzhou and Torralba, Antonio and Efros, Alexei A. and Zhu, Jun-Yan},
  booktitle = {IEEE/CVF Conference on Computer Vision and Pattern Recognition},
  year = {2022}
}
@inproceedings{cui2023scaling,
  title = {Scaling Up Dataset Distillation to {ImageNet-1K} with Constant Memory},
  author = {Cui, Justin and Wang, Ruochen and Si, Si and Hsieh, Cho-Jui},
  booktitle = {International Conference on Machine Learning},
  year = {2023}
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
        memory: Literal["graph", "constant", "tesla"] = "graph",
        skip_above: PositiveFloat | None = None,
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
        self.memory = memory
        self.skip_above = skip_above
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
        body = self.pool.draw(task, synthetic, streams)
        start: Weights = dict(body.named_parameters())
        target = self.pool.goal(task, synthetic, streams)
        each = None if target is None else self.batch or synthetic.examples(decoded)
        if target is None:
            draws = self._real(synthetic, piece, task, streams)
            target = descend(self._losses(task, body, draws, streams), start, self.lr, graph=False)[-1]

        def lesson(own: Batch) -> list[StepLoss]:
            return self._losses(task, body, self._drawn(synthetic, own, streams), streams, each)

        through = self._through_graph if self.memory == "graph" else self._step_by_step
        distance = through(decoded, lesson, start, target)
        if self.skip_above is not None:
            distance = torch.where(distance.detach() > self.skip_above, distance.detach(), distance)
        return distance

    def _through_graph(self, decoded: Batch, losses: Lesson, start: Weights, target: Weights) -> Tensor:
        """Return the distance with the graph of all steps."""
        rate = self.lr if self._rate is None else self._rate()
        return trajectory_distance(descend(losses(decoded), start, rate, graph=True)[-1], target, start)

    def _step_by_step(self, decoded: Batch, losses: Lesson, start: Weights, target: Weights) -> Tensor:
        """Return the distance with its gradient in what the set decodes to, and in the rate, found here."""
        held = Batch(leaf(decoded.x), leaf(decoded.y), leaf(decoded.w))
        pairs = zip((decoded.x, decoded.y, decoded.w), (held.x, held.y, held.w), strict=True)
        learned = [(value, own) for value, own in pairs if own.requires_grad]
        variables, inputs = [value for value, _ in learned], [own for _, own in learned]
        rate = decoded.x.new_tensor(self.lr) if self._rate is None else self._rate()
        own_rate = rate.detach().requires_grad_()
        steps = losses(held)
        path = descend(steps, start, rate.detach(), graph=False)
        distance = trajectory_distance(path[-1], target, start)
        pull = torch.autograd.grad(distance, list(path[-1].values()))
        found = pull_back(steps, path, pull, inputs, own_rate, through_weights=self.memory == "constant")
        return with_gradient(distance, [*variables, rate], found)

    def _drawn(self, synthetic: Synthetic, decoded: Batch, streams: Streams) -> list[Draw]:
        """Return the batches of the set's steps."""
        return self._batches(synthetic, decoded, self.batch, self.synthetic_steps, streams)

    def _real(self, synthetic: Synthetic, piece: Tensor | None, task: Task, streams: Streams) -> list[Draw]:
        """Return the batches of the real steps."""
        if piece is not None:
            whole = Batch.of(piece, torch.arange(len(piece)))
            return self._batches(synthetic, whole, self.real_batch, self.real_steps, streams)
        generator = streams.generator("real")
        return [lambda: task.draw(self.real_batch or 256, generator)] * self.real_steps

    @staticmethod
    def _batches(synthetic: Synthetic, decoded: Batch, count: int, steps: int, streams: Streams) -> list[Draw]:
        generator = streams.generator("batch")
        index = [batch_index(synthetic.examples(decoded), count, generator) for _ in range(steps)]
        return [partial(synthetic.view, decoded, own) for own in index]

    def _losses(
        self, task: Task, body: nn.Module, draws: list[Draw], streams: Streams, each: int | None = None
    ) -> list[StepLoss]:
        """Return the loss of each step on its batch, augmented; both sides draw the same numbers in each.

        Args:
            task: Has the loss.
            body: The module that weights are for.
            draws: The batches.
            streams: Of the augmentation.
            each: Images of a batch, which have parameters of their own; None gives all of a batch the same.
        """
        generator = streams.generator("augment")

        def loss(weights: Weights, draw: Draw, params: AugmentParams | None, seed: int) -> Tensor:
            batch = draw()
            x = batch.x if self.augment is None or params is None else self.augment.apply(batch.x, params)
            with seeded(seed):  # dropout draws from torch's global generator
                return task.loss(functional_call(body, weights, (x,)), batch)

        return [
            partial(
                loss,
                draw=draw,
                params=None if self.augment is None else self.augment.sample(generator, each),
                seed=streams.seed_for("dropout", step),
            )
            for step, draw in enumerate(draws)
        ]


def trajectory_distance(end: Weights, target: Weights, start: Weights) -> Tensor:
    """Return ``|end - target|^2 / |start - target|^2`` over all weights; only ``end`` gets a gradient."""
    gap = [(end[name] - target[name].detach()).square().sum() for name in end]
    length = [(start[name] - target[name]).detach().square().sum() for name in end]
    return torch.stack(gap).sum() / (torch.stack(length).sum() + 1e-12)


def leaf(value: Tensor) -> Tensor:
    """Return a value cut off from where it came from, with a gradient of its own where it had one."""
    return value.detach().requires_grad_(value.requires_grad)
