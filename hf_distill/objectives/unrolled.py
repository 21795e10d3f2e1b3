"""UnrolledMatching: train on the set, measure on real data, differentiate through the training."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.func import functional_call

from hf_distill.augment.siamese import AnyAugment
from hf_distill.data.base import Data
from hf_distill.learners.learner import Learner
from hf_distill.learners.rate import LearnedRate
from hf_distill.learners.task import Task, task_of
from hf_distill.learners.training import augmented, train_on_set
from hf_distill.networks.forecasters.dlinear import DLinear
from hf_distill.networks.forecasters.small import RevMix, RevMLP
from hf_distill.objectives.base import Objective
from hf_distill.objectives.scaling import unit_gradient
from hf_distill.options import NonNegativeFloat, NonNegativeInt, PositiveInt
from hf_distill.pools.trained_on_set import TrainedOnSet
from hf_distill.seeding import Streams, seeded
from hf_distill.synthetic.base import Synthetic


class UnrolledMatching(Objective[Data]):
    """Real loss of networks after some differentiable steps of training on the set.

    ``sum_n loss(B; theta_n + U(theta_n, S))``, where U are the training steps of a pool's turn on batches of the set S
    and B is a batch of real data: truncated backpropagation through training. The pool's networks of all kinds take
    part, each at the place of its training where it was left, so that the set is optimised for all of a training and
    not for its beginning.

    Sources: Wang et al., Dataset Distillation (2018); Feng et al., Embarrassingly Simple Dataset Distillation (ICLR
    2024), for the truncation at random stages. Several unlike networks, whose gradients are scaled to length one before
    they are added, are ours: a set that is distilled for one network overfits to it.

    Args:
        pool: The networks and how they are trained; none needs to be one that the set is measured on. Null for
            ``TrainedOnSet`` of ``DLinear``, ``RevMLP`` and ``RevMix``.
        real_batch: Real examples that the result is measured on.
        augment: Augmentation of these, each with parameters of its own; that of the set is the pool's.
        max_channels: Channels of a series in one step, drawn at random; 0 for all. Forecasters whose weights belong to
            channels need 0.
        normalize_gradients: Scale each network's gradient to length one.
        through_variance: Differentiate Adam's second moment too.
        lr_lr: Learning rate of the logarithm of the networks' learning rate, which starts as the pool's and is learned
            with the set; 0 keeps it. The networks that a pool is first filled with are trained at the pool's.

    Examples:
        In YAML:

            method:
              class_path: OptimizedDistillation
              init_args:
                objective:
                  class_path: UnrolledMatching
                  init_args:
                    pool: {class_path: TrainedOnSet, init_args: {networks: [ConvNet], steps: 10}}
                    real_batch: 256
    """

    paper = "Feng, Vedantam and Kempe, Embarrassingly Simple Dataset Distillation, ICLR 2024"
    citation = """@article{wang2018dataset,
  title = {Dataset Distillation},
  author = {Wang, Tongzhou and Zhu, Jun-Yan and Torralba, Antonio and Efros, Alexei A.},
  journal = {arXiv preprint arXiv:1811.10959},
  year = {2018}
}
@inproceedings{feng2024embarrassingly,
  title = {Embarrassingly Simple Dataset Distillation},
  author = {Feng, Yunzhen and Vedantam, Shanmukha Ramakrishna and Kempe, Julia},
  booktitle = {International Conference on Learning Representations},
  year = {2024}
}"""

    def __init__(
        self,
        *,
        pool: TrainedOnSet | None = None,
        real_batch: PositiveInt = 128,
        augment: AnyAugment | None = None,
        max_channels: NonNegativeInt = 8,
        normalize_gradients: bool = True,
        through_variance: bool = False,
        lr_lr: NonNegativeFloat = 0.0,
    ) -> None:
        super().__init__()
        self.pool = TrainedOnSet(networks=[DLinear(), RevMLP(), RevMix()]) if pool is None else pool
        self.real_batch = real_batch
        self.augment = augment
        self.max_channels = max_channels
        self.normalize_gradients = normalize_gradients
        self.through_variance = through_variance
        self.lr_lr = lr_lr
        self._rate = LearnedRate(self.pool.lr, lr_lr, self.pool.optimizer) if lr_lr else None

    def work(self, synthetic: Synthetic, real: Data) -> float:
        """See :class:`Objective`: a training step of the largest network."""
        return self.pool.work(task_of(real, self.max_channels), self.pool.batch or synthetic.examples(synthetic()))

    def forward(self, synthetic: Synthetic, real: Data, streams: Streams) -> dict[str, Tensor]:
        """See :class:`Objective`; returns the real loss of every network."""
        task = task_of(real, self.max_channels)
        # Dropout draws from torch's global generator.
        with seeded(streams.seed_for("dropout")):
            rate = None if self._rate is None else self._rate().detach()
            learners = self.pool.turn(task, synthetic, streams, rate)
            labels = [kind.label for kind in self.pool.kinds]
            return {
                f"{index}_{label}" if len(labels) > 1 else label: self._loss(
                    body, learner, task, synthetic, streams.generator("unroll", index)
                )
                for index, (label, (body, learner)) in enumerate(zip(labels, learners, strict=True))
            }

    def _loss(
        self, body: nn.Module, learner: Learner, task: Task, synthetic: Synthetic, generator: torch.Generator
    ) -> Tensor:
        channels = task.channels(generator)
        rate = {} if self._rate is None else {"lr": self._rate()}
        weights = train_on_set(
            learner,
            body,
            task,
            synthetic,
            task.narrow(synthetic(), channels),
            steps=self.pool.steps,
            optimizer=replace(self.pool.inner(), through_variance=self.through_variance, **rate),
            batch=self.pool.batch,
            generator=generator,
            graph=True,
            augment=self.pool.augment,
        )
        batch = augmented(task.draw(self.real_batch, generator, channels), self.augment, generator)
        loss = task.loss(functional_call(body, weights, (batch.x,)), batch)
        if not self.normalize_gradients:
            return loss
        return unit_gradient(loss, list(synthetic.parameters()), list(self.parameters()))
