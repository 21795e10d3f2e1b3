"""UnrolledMatching: train on the set, measure on real data, differentiate through the training."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import torch
from torch import Tensor, nn
from torch.func import functional_call

from hf_distill.data.base import Data
from hf_distill.data.batch import Batch
from hf_distill.learners.learner import InnerOptimizer, Learner, Weights
from hf_distill.learners.task import Task, batch_index, task_of
from hf_distill.networks.base import Architecture
from hf_distill.networks.cost import step_flops
from hf_distill.networks.forecasters.base import Forecaster
from hf_distill.networks.forecasters.dlinear import DLinear
from hf_distill.networks.forecasters.small import RevMix, RevMLP
from hf_distill.objectives.base import Objective
from hf_distill.objectives.scaling import unit_gradient
from hf_distill.options import NonNegativeInt, NotEmpty, PositiveFloat, PositiveInt, Range, Steps
from hf_distill.seeding import Streams, seeded
from hf_distill.synthetic.base import Synthetic


class UnrolledMatching(Objective):
    """Real loss of networks after some differentiable steps of training on the set.

    ``sum_n loss(B; theta_n + U(theta_n, S))``, where U are ``steps`` optimiser steps on batches of the set S and B is a
    batch of real data: truncated backpropagation through training. The networks of a pool are spread over their
    training time; each goes on where it was left and is replaced when it has been trained for ``lifetime`` steps, so
    that the set is optimised for all of a training and not for its beginning.

    Sources: Wang et al., Dataset Distillation (2018); Feng et al., Embarrassingly Simple Dataset Distillation (ICLR
    2024), for the truncation at random stages. Several unlike networks, whose gradients are scaled to length one before
    they are added, are ours: a set that is distilled for one network overfits to it.

    Args:
        networks: Forecasters for series, architectures for images and vectors; none needs to be one that the set is
            measured on. Null for ``DLinear``, ``RevMLP`` and ``RevMix``.
        steps: Training steps that are differentiated.
        lifetime: Steps after which a network is replaced, and in which a cosine takes its learning rate to zero.
        pool: Networks of each kind; they take turns.
        inner_optimizer: ``adam`` or ``sgd``.
        inner_lr: Learning rate of the networks.
        batch: Examples of the set in a training step.
        real_batch: Real examples that the result is measured on.
        max_channels: Channels of a series in one step, drawn at random; 0 for all. Forecasters whose weights belong to
            channels need 0.
        normalize_gradients: Scale each network's gradient to length one.
        through_variance: Differentiate Adam's second moment too.
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
        networks: Annotated[list[Forecaster | Architecture], NotEmpty()] | None = None,
        steps: Steps = 5,
        lifetime: PositiveInt = 400,
        pool: Annotated[int, Range(1, 1000)] = 4,
        inner_optimizer: Literal["adam", "sgd"] = "adam",
        inner_lr: PositiveFloat = 1e-3,
        batch: PositiveInt = 32,
        real_batch: PositiveInt = 128,
        max_channels: NonNegativeInt = 8,
        normalize_gradients: bool = True,
        through_variance: bool = False,
    ) -> None:
        super().__init__()
        self.networks: list[Forecaster | Architecture] = (
            [DLinear(), RevMLP(), RevMix()] if networks is None else networks
        )
        self.steps = steps
        self.lifetime = lifetime
        self.pool = pool
        self.inner_optimizer = inner_optimizer
        self.inner_lr = inner_lr
        self.batch = batch
        self.real_batch = real_batch
        self.max_channels = max_channels
        self.normalize_gradients = normalize_gradients
        self.through_variance = through_variance
        # By network and place in the pool; and modules that lend the networks their shape.
        self._learners: list[list[Learner]] = []
        self._bodies: list[nn.Module] = []

    def work(self, synthetic: Synthetic, real: Data) -> float:
        """See :class:`Objective`: a training step of the largest network."""
        task = task_of(real, self.max_channels)
        sample = torch.zeros(1, *task.sample_shape())
        return max(step_flops(task.build(network, 0), sample, self.batch) for network in self.networks)

    def get_extra_state(self) -> list[list[dict[str, Any]]]:
        """Return the pool, for checkpoints."""
        return [[learner.state_dict() for learner in learners] for learners in self._learners]

    def set_extra_state(self, state: list[list[dict[str, Any]]]) -> None:
        """Go on with the pool of a checkpoint."""
        self._learners = [[Learner.from_state(values) for values in learners] for learners in state]

    def forward(self, synthetic: Synthetic, real: Data, streams: Streams) -> dict[str, Tensor]:
        """See :class:`Objective`; returns the real loss of every network."""
        task = task_of(real, self.max_channels)
        optimizer = InnerOptimizer(self.inner_optimizer, self.inner_lr, self.lifetime, self.through_variance)
        # Dropout draws from torch's global generator.
        with seeded(streams.seed_for("dropout")):
            self._fill(task, synthetic, optimizer, streams)
            return {
                f"{index}_{network.label}" if len(self.networks) > 1 else network.label: self._loss(
                    index, task, synthetic, optimizer, streams
                )
                for index, network in enumerate(self.networks)
            }

    def _loss(
        self, index: int, task: Task, synthetic: Synthetic, optimizer: InnerOptimizer, streams: Streams
    ) -> Tensor:
        place = streams.step % self.pool
        learner = self._learners[index][place]
        if learner.step >= self.lifetime:
            seed = streams.seed_for("network", index)
            learner = Learner.of(task.build(self.networks[index], seed)).to(_device(synthetic))
            self._learners[index][place] = learner
        generator = streams.generator("unroll", index)
        channels = task.channels(generator)
        decoded = task.narrow(synthetic(), channels)
        weights = self._train(index, learner, task, synthetic, decoded, optimizer, self.steps, generator, graph=True)
        batch = task.draw(self.real_batch, generator, channels)
        loss = task.loss(functional_call(self._bodies[index], weights, (batch.x,)), batch)
        return unit_gradient(loss, list(synthetic.parameters())) if self.normalize_gradients else loss

    def _train(
        self,
        index: int,
        learner: Learner,
        task: Task,
        synthetic: Synthetic,
        decoded: Batch,
        optimizer: InnerOptimizer,
        steps: int,
        generator: torch.Generator,
        graph: bool,
    ) -> Weights:
        examples = synthetic.examples(decoded)

        def loss(weights: Weights) -> Tensor:
            batch = synthetic.view(decoded, batch_index(examples, self.batch, generator))
            return task.loss(functional_call(self._bodies[index], weights, (batch.x,)), batch)

        return learner.advance(loss, steps, optimizer, graph=graph)

    def _fill(self, task: Task, synthetic: Synthetic, optimizer: InnerOptimizer, streams: Streams) -> None:
        """Build the bodies and, unless a checkpoint brought it, a pool that is spread over the training time."""
        device = _device(synthetic)
        if not self._bodies:
            self._bodies = [task.build(network, 0).to(device) for network in self.networks]
            for learner in (learner for learners in self._learners for learner in learners):
                learner.to(device)
        if self._learners:
            return
        with torch.no_grad():
            whole = synthetic()
        for index, network in enumerate(self.networks):
            self._learners.append([])
            for place in range(self.pool):
                learner = Learner.of(task.build(network, streams.seed_for("pool", index, place))).to(device)
                generator = streams.generator("pool", index, place)
                decoded = task.narrow(whole, task.channels(generator))
                # Whole turns, so that every network is replaced after as many.
                steps = self.lifetime * place // self.pool // self.steps * self.steps
                self._train(index, learner, task, synthetic, decoded, optimizer, steps, generator, graph=False)
                self._learners[index].append(learner)


def _device(synthetic: Synthetic) -> torch.device:
    return next(synthetic.parameters()).device
