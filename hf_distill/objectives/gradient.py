"""GradientMatching: real and synthetic batches should have the same gradient."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

import torch
from torch import Tensor
from torch.func import functional_call

from hf_distill.augment.siamese import AnyAugment
from hf_distill.data.base import Data
from hf_distill.learners.task import task_of
from hf_distill.learners.training import augmented
from hf_distill.networks.forecasters.dlinear import DLinear
from hf_distill.networks.outputs import Axes, by_output, output_axes
from hf_distill.objectives.base import Objective
from hf_distill.options import NonNegativeInt, Range
from hf_distill.pools.base import Pool
from hf_distill.pools.fresh import FreshNetworks
from hf_distill.seeding import Streams, seeded
from hf_distill.synthetic.base import Synthetic

Distance = Literal["layers", "mse", "l1", "cosine"]


class GradientMatching(Objective[Data]):
    """Distance between the gradients of a network on real and on synthetic examples, class by class for classifiers.

    ``sum_c D(grad l(B_c; theta), grad l(S_c; theta))``. ``D`` is, summed over the outputs of all layers, one minus
    the cosine of the weights into an output (``layers``, the paper's, which leaves out biases and norms); or the
    squared (``mse``) or absolute difference (``l1``) or one minus the cosine (``cosine``) of all gradients as one
    vector.

    Sources: Zhao, Mopuri and Bilen, Dataset Condensation with Gradient Matching (ICLR 2021), where the network is
    trained on the set between the steps: a pool ``TrainedOnSet``. With ``augment``: Zhao and Bilen, Dataset
    Condensation with Differentiable Siamese Augmentation (ICML 2021). With ``hidden``: Kim et al., Dataset
    Condensation via Efficient Synthetic-Data Parameterization (IDC, ICML 2022).

    Args:
        pool: The networks; null for fresh ``DLinear``.
        distance: ``D``.
        hidden: Compare the weights of hidden layers alone: no biases, no norms and not the last layer.
        batch: Examples of the set (of a class); 0 for all.
        real_batch: Real examples (of a class).
        augment: Siamese augmentation of images: the two sides of a class get the same parameters (DSA).

    Examples:
        In YAML:

            method:
              class_path: OptimizedDistillation
              init_args:
                objective:
                  class_path: GradientMatching
                  init_args:
                    pool: {class_path: TrainedOnSet, init_args: {networks: [ConvNet]}}
                    distance: mse
    """

    paper = "Zhao, Mopuri and Bilen, Dataset Condensation with Gradient Matching, ICLR 2021"
    citation = """@inproceedings{zhao2021dataset,
  title = {Dataset Condensation with Gradient Matching},
  author = {Zhao, Bo and Mopuri, Konda Reddy and Bilen, Hakan},
  booktitle = {International Conference on Learning Representations},
  year = {2021}
}"""

    def __init__(
        self,
        *,
        pool: Pool | None = None,
        distance: Distance = "layers",
        hidden: bool = False,
        batch: NonNegativeInt = 0,
        real_batch: Annotated[int, Range(1, 100_000)] = 256,
        augment: AnyAugment | None = None,
    ) -> None:
        super().__init__()
        self.pool = FreshNetworks(network=DLinear()) if pool is None else pool
        self.distance = distance
        self.hidden = hidden
        self.batch = batch
        self.real_batch = real_batch
        self.augment = augment

    def work(self, synthetic: Synthetic, real: Data) -> float:
        """See :class:`Objective`."""
        return self.pool.work(task_of(real), self.real_batch)

    def forward(self, synthetic: Synthetic, real: Data, streams: Streams) -> dict[str, Tensor]:
        """See :class:`Objective`; returns ``gradient``."""
        task = task_of(real)
        decoded = synthetic()
        total = torch.zeros((), device=decoded.x.device)
        with seeded(streams.seed_for("dropout")):
            body = self.pool.draw(task, synthetic, streams)
            weights = {name: value.detach().requires_grad_() for name, value in body.named_parameters()}
            axes = output_axes(body)
            if self.hidden:
                axes = dict([(name, own) for name, own in axes.items() if own][:-1])
            inputs = [weights[name] for name in axes]
            pairs = task.pairs(synthetic, decoded, self.batch, self.real_batch, streams)
            for place, pair in enumerate(pairs):
                fake, true = (
                    augmented(batch, self.augment, streams.generator("augment", place), alike=True) for batch in pair
                )
                losses = [task.loss(functional_call(body, weights, (batch.x,)), batch) for batch in (fake, true)]
                ours = torch.autograd.grad(losses[0], inputs, create_graph=True)
                target = torch.autograd.grad(losses[1], inputs)
                total = total + gradient_distance(ours, target, list(axes.values()), self.distance)
        return {"gradient": total}


def gradient_distance(
    ours: Sequence[Tensor], target: Sequence[Tensor], axes: Sequence[Axes], distance: Distance
) -> Tensor:
    """Return the distance of two lists of gradients; see :class:`GradientMatching`.

    Args:
        ours: Of the synthetic examples, one for each parameter.
        target: Of the real ones.
        axes: The dimensions of each parameter that number outputs (:func:`hf_distill.networks.outputs.output_axes`).
        distance: ``D``.
    """
    if distance == "layers":
        terms = []
        for a, b, own in zip(ours, target, axes, strict=True):
            if own:  # biases and norms are left out
                a, b = by_output(a, own), by_output(b, own)
                terms.append((1 - (a * b).sum(1) / (a.norm(dim=1) * b.norm(dim=1) + 1e-6)).sum())
        return torch.stack(terms).sum()
    first, second = (torch.cat([gradient.reshape(-1) for gradient in gradients]) for gradients in (ours, target))
    if distance == "mse":
        return (first - second).square().sum()
    if distance == "l1":
        return (first - second).abs().sum()
    return 1 - (first * second).sum() / (first.norm() * second.norm() + 1e-6)
