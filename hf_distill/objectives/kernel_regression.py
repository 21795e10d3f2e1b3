"""KernelRegression: what kernel ridge regression on the set says of real samples."""

from __future__ import annotations

import math
from functools import partial
from typing import Annotated, Literal

import torch
from torch import Tensor

from hf_distill.augment.siamese import AnyAugment
from hf_distill.data.base import Data
from hf_distill.data.batch import Batch, weighted_mean
from hf_distill.data.real import RealData
from hf_distill.data.spec import DataSpec
from hf_distill.errors import UserError
from hf_distill.labels.base import probabilities
from hf_distill.learners.task import Task, task_of
from hf_distill.learners.training import augmented
from hf_distill.networks.convnet import ConvNet
from hf_distill.objectives.base import Objective
from hf_distill.objectives.kernels import precise, ridge_prediction, tangent_kernel
from hf_distill.objectives.view import with_features
from hf_distill.options import NonNegativeFloat, PositiveFloat, PositiveInt, Range
from hf_distill.pools.base import Pool, device_of
from hf_distill.pools.trained_on_set import TrainedOnSet
from hf_distill.seeding import Streams, seeded
from hf_distill.synthetic.base import Synthetic, all_examples


class KernelRegression(Objective[RealData]):
    """Squared error, on real samples, of kernel ridge regression on the set, whose solution is exact.

    ``mean_t |y_t - K_ts (K_ss + r I)^-1 y_s|^2 / 2``: training to the end, in closed form, so that nothing is unrolled.
    The kernel is the product of features before the last layer of a pool's network, or that of an infinitely wide one.
    Classes are their indicators less ``1 / classes``; labels can be learned (``DenseLabels``), as in both papers.

    Sources: Zhou, Nezhadarya and Ba, Dataset Distillation using Neural Feature Regression (NeurIPS 2022, FRePo), for
    features of networks that are trained on the set, there by squared error and here by the loss of the data's kind;
    Nguyen, Chen and Lee, Dataset Meta-Learning from Kernel Ridge-Regression (ICLR 2021, KIP), for the exact kernel.
    With ``FreshNetworks`` the features are random, after Loo et al., Efficient Dataset Distillation Using Random
    Feature Approximation (NeurIPS 2022, RFAD), there of eight networks at once and with cross-entropy.

    Args:
        kernel: ``features``, or ``tangent``, the neural tangent kernel of an infinitely wide network, which needs no
            pool.
        depth: Hidden layers of the tangent kernel's network.
        window: Side of the convolutions that these layers are; null for layers that see all pixels alike.
        pool: The networks; null for FRePo's: ten of ``ConvNet`` in training on the set.
        ridge: ``r`` in units of the mean of ``K_ss``'s diagonal.
        margin: Weight of FRePo's term for learned labels, minus the mean of ``min(p1 - p2, 1 / classes)``: a label's
            likeliest class is to stay ahead of the second one. 1 there, and 0 leaves it out.
        real_batch: Real samples of a step, as many of each class (the data's ``class_balance``).
        augment: Augmentation, the same for both sides; null for none.

    Examples:
        In YAML:

            method:
              class_path: OptimizedDistillation
              init_args:
                objective:
                  class_path: KernelRegression
                  init_args: {kernel: tangent, depth: 3}  # an infinitely wide network: KIP
    """

    paper = "Zhou, Nezhadarya and Ba, Dataset Distillation using Neural Feature Regression, NeurIPS 2022"
    citation = """@inproceedings{zhou2022dataset,
  title = {Dataset Distillation using Neural Feature Regression},
  author = {Zhou, Yongchao and Nezhadarya, Ehsan and Ba, Jimmy},
  booktitle = {Advances in Neural Information Processing Systems},
  year = {2022}
}
@inproceedings{nguyen2021dataset,
  title = {Dataset Meta-Learning from Kernel Ridge-Regression},
  author = {Nguyen, Timothy and Chen, Zhourong and Lee, Jaehoon},
  booktitle = {International Conference on Learning Representations},
  year = {2021}
}"""

    def __init__(
        self,
        *,
        kernel: Literal["features", "tangent"] = "features",
        depth: PositiveInt = 1,
        window: Literal[3, 5, 7] | None = None,
        pool: Pool | None = None,
        ridge: PositiveFloat = 1e-6,
        margin: NonNegativeFloat = 0.0,
        real_batch: Annotated[int, Range(1, 100_000)] = 1024,
        augment: AnyAugment | None = None,
    ) -> None:
        super().__init__()
        self.kernel = kernel
        self.depth = depth
        self.window = window
        frepo = TrainedOnSet(networks=[ConvNet()], size=10, lifetime=100, steps=1, lr=3e-4)
        self.pool = frepo if pool is None else pool
        self.ridge = ridge
        self.margin = margin
        self.real_batch = real_batch
        self.augment = augment

    def work(self, synthetic: Synthetic, real: RealData) -> float:
        """See :class:`Objective`."""
        if self.kernel == "features":
            return self.pool.work(_task(real), self.real_batch)
        return 2.0 * self.real_batch * synthetic.examples(synthetic()) * math.prod(real.spec.shape)

    def prepare(self, synthetic: Synthetic, real: RealData, steps: int) -> None:
        """See :class:`Objective`: check the options."""
        if self.kernel == "tangent" and self.window and len(real.spec.shape) != 3:
            raise UserError(
                f"objective.window is that of images, and these samples are {real.spec.shape}: leave it out or null"
            )
        if self.margin and (real.spec.target != "classes" or real.spec.num_outputs < 2):
            learned = "is one class" if real.spec.target == "classes" else f"are {real.spec.target}"
            raise UserError(f"objective.margin is that of classes, and what is learned {learned}: set it to 0")

    def forward(self, synthetic: Synthetic, real: RealData, streams: Streams) -> dict[str, Tensor]:
        """See :class:`Objective`; returns ``regression``, and ``margin`` where it has a weight."""
        task, decoded = _task(real), all_examples(synthetic, synthetic())
        drawn = task.draw(self.real_batch, streams.generator("real")).to(device_of(synthetic))
        own, other = (augmented(b, self.augment, streams.generator("augment"), alike=True) for b in (decoded, drawn))
        # Dropout draws from torch's global generator.
        with seeded(streams.seed_for("dropout")):
            within, between = self._kernels(own, other, task, synthetic, streams)
        targets, truth = (_targets(batch, real.spec) for batch in (own, other))
        predicted = ridge_prediction(between, within, targets, own.w, self.ridge)
        terms = {"regression": weighted_mean((predicted - truth).square().sum(1) / 2, other.w).to(own.x)}
        if self.margin:
            terms["margin"] = -self.margin * _margins(targets).mean()
        return terms

    def _kernels(
        self, own: Batch, other: Batch, task: Task, synthetic: Synthetic, streams: Streams
    ) -> tuple[Tensor, Tensor]:
        if self.kernel == "tangent":
            x = precise(own.x)
            kernel = partial(tangent_kernel, y=x, depth=self.depth, window=self.window)
            return kernel(x), kernel(precise(other.x))
        network = with_features(self.pool.draw(task, synthetic, streams)).requires_grad_(False)
        ours = precise(network.features(own.x))
        with torch.no_grad():
            theirs = precise(network.features(other.x))
        return ours @ ours.T, theirs @ ours.T


def _margins(targets: Tensor) -> Tensor:
    """Return how far the likeliest class of each label is ahead, ``1 / classes`` at most."""
    first, second = targets.topk(2, dim=1).values.unbind(1)
    return (first - second).clamp_max(1 / targets.shape[1])


def _targets(batch: Batch, spec: DataSpec) -> Tensor:
    if spec.target != "classes":
        return batch.y.float()
    return probabilities(batch.y, spec) - 1 / spec.num_outputs


def _task(real: Data) -> Task:
    if real.spec.num_groups is None:
        raise UserError("KernelRegression needs samples: choose UnrolledMatching for a time series")
    return task_of(real)
