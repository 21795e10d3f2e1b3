"""LossProportional: rows that the set has not taught yet are drawn more often."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

import torch
from torch import Tensor
from torch.func import functional_call

from hf_distill.batches.base import Batches
from hf_distill.data.batch import Batch
from hf_distill.learners.learner import InnerOptimizer, Learner
from hf_distill.learners.task import task_of
from hf_distill.learners.training import train_on_set
from hf_distill.networks.default import default_network
from hf_distill.networks.forecasters.dlinear import DLinear
from hf_distill.options import PositiveFloat, PositiveInt, Range, Steps
from hf_distill.pools.base import device_of
from hf_distill.seeding import Streams, seeded
from hf_distill.synthetic.base import Synthetic
from hf_distill.training.building import Network
from hf_distill.training.losses import LOSSES

_CHUNK = 256


class LossProportional(Batches):
    """Draws a row, or a window of a series, in proportion to its loss under a network trained on the set as it is.

    ``p_i = (1 - u) l_i / sum l + u / n`` (Tukan et al., Dataset Distillation Meets Provable Subset Selection, arXiv
    2307.08086, whose abstract has the idea; constants, refreshing and the unbiased weights are ours). A look at the
    losses costs the training of the network and one forward pass over all rows.

    Args:
        network: What is trained; null for the usual one of such data, of a series ``DLinear``.
        steps: Training steps on the set.
        lr: Learning rate of Adam.
        batch: Examples of a step.
        uniform: See :class:`Batches`.
        every: See :class:`Batches`.

    Examples:
        In YAML:

            method:
              class_path: OptimizedDistillation
              init_args:
                batches: {class_path: LossProportional, init_args: {steps: 100, every: 50}}
    """

    windows: ClassVar[bool] = True

    def __init__(
        self,
        *,
        network: Network | None = None,
        steps: Steps = 50,
        lr: PositiveFloat = 1e-3,
        batch: PositiveInt = 64,
        uniform: Annotated[float, Range(0, 1, above=True)] = 0.2,
        every: PositiveInt = 200,
    ) -> None:
        self.network = network
        self.steps = steps
        self.lr = lr
        self.batch = batch
        self.uniform = uniform
        self.every = every

    @torch.no_grad()
    def scores(self, real: Any, synthetic: Synthetic, streams: Streams) -> Tensor:
        """See :class:`Batches`."""
        task, device = task_of(real), device_of(synthetic)
        usual = DLinear() if real.spec.target == "future" else default_network(real.spec)
        body = task.build(self.network or usual, streams.seed_for("losses")).to(device)
        learner = Learner.of(body)
        # Dropout draws from torch's global generator.
        with seeded(streams.seed_for("losses", "dropout")), torch.enable_grad():
            train_on_set(
                learner,
                body,
                task,
                synthetic,
                _detached(synthetic),
                steps=self.steps,
                optimizer=InnerOptimizer("adam", self.lr),
                batch=self.batch,
                generator=streams.generator("losses"),
                graph=False,
            )
        body.eval()
        loss, found = LOSSES[real.spec.target](), []
        for rows in torch.arange(len(real.train)).split(_CHUNK):
            batch = task.at(rows).to(device)
            found.append(loss.losses(functional_call(body, learner.weights, (batch.x,)), batch.y).cpu())
        return torch.cat(found)


@torch.no_grad()
def _detached(synthetic: Synthetic) -> Batch:
    return synthetic()
