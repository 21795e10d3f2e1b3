"""Curvature: samples near which the slope of a network's loss does not change much."""

from __future__ import annotations

from torch import Tensor
from torch.func import functional_call

from hf_distill.data.base import Data
from hf_distill.data.batch import weighted_mean
from hf_distill.learners.task import task_of
from hf_distill.networks.convnet import ConvNet
from hf_distill.objectives.base import Objective
from hf_distill.options import PositiveFloat
from hf_distill.pools.base import Pool
from hf_distill.pools.fresh import FreshNetworks
from hf_distill.seeding import Streams, seeded
from hf_distill.synthetic.base import Synthetic, all_examples
from hf_distill.training.curvature import curvature
from hf_distill.training.losses import LOSSES


class Curvature(Objective[Data]):
    """The mean change of a network's slope near the set's samples: a term beside any other objective.

    ``mean_i |grad l(s_i + z_i; theta) - grad l(s_i; theta)|`` with ``z_i`` along the gradient:
    :func:`hf_distill.training.curvature.curvature`. ``WeightedSum`` puts it beside what the set is learned for.

    GUARD has this term in the training of the teacher, on real samples: that is ``LowCurvature`` in the teacher's
    recipe. On the samples of the set, for any objective, it is ours.

    Args:
        pool: The networks; null for fresh ``ConvNet``.
        step: How far from a sample the slope is looked at, in the networks' units; GUARD's is 3.

    Examples:
        In YAML:

            method:
              class_path: OptimizedDistillation
              init_args:
                objective:
                  class_path: WeightedSum
                  init_args:
                    objectives: [DistributionMatching, Curvature]
                    weights: [1.0, 0.5]
    """

    paper = "Xue et al., Towards Adversarially Robust Dataset Distillation by Curvature Regularization, AAAI 2025"
    citation = """@inproceedings{xue2025towards,
  title = {Towards Adversarially Robust Dataset Distillation by Curvature Regularization},
  author = {Xue, Eric and Li, Yijiang and Liu, Haoyang and Wang, Peiran and Shen, Yifan and Wang, Haohan},
  booktitle = {AAAI Conference on Artificial Intelligence},
  year = {2025}
}"""

    def __init__(self, *, pool: Pool | None = None, step: PositiveFloat = 3.0) -> None:
        super().__init__()
        self.pool = FreshNetworks(network=ConvNet()) if pool is None else pool
        self.step = step

    def work(self, synthetic: Synthetic, real: Data) -> float:
        """See :class:`Objective`."""
        return 4 * self.pool.work(task_of(real), synthetic.examples(synthetic()))

    def forward(self, synthetic: Synthetic, real: Data, streams: Streams) -> dict[str, Tensor]:
        """See :class:`Objective`; returns ``curvature``."""
        task = task_of(real)
        examples, loss = all_examples(synthetic, synthetic()), LOSSES[real.spec.target]()
        with seeded(streams.seed_for("dropout")):
            network = self.pool.draw(task, synthetic, streams)
            weights = {name: value.detach() for name, value in network.named_parameters()}

            def costs(x: Tensor) -> Tensor:
                return loss.losses(functional_call(network, weights, (x,)), examples.y)

            bent = curvature(costs, examples.x, self.step)
        return {"curvature": weighted_mean(bent, examples.w)}
