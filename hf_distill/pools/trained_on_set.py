"""TrainedOnSet: networks in training on the set itself."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any, ClassVar, Literal

import torch
from torch import Tensor, nn

from hf_distill.augment.siamese import AnyAugment
from hf_distill.data.batch import Batch
from hf_distill.learners.learner import InnerOptimizer, Learner
from hf_distill.learners.task import Task
from hf_distill.learners.training import train_on_set
from hf_distill.options import NonNegativeInt, NotEmpty, PositiveFloat, PositiveInt, Range, Steps
from hf_distill.pools.base import Pool, device_of, with_weights
from hf_distill.seeding import Streams, seeded
from hf_distill.synthetic.base import Synthetic
from hf_distill.training.building import Network


class TrainedOnSet(Pool):
    """Networks that are trained on the set while it is learned, spread over their training time; they take turns.

    In each of its turns a network is trained for ``steps`` on the set as it is then, and goes on from there in the
    next; when it has been trained for ``lifetime`` steps a fresh one takes its place. So the set is made for all of a
    training and not for its beginning. With ``window`` at random no network is kept: each turn is somewhere in the
    training of a fresh one, which is trained up to there first, on the set as it is then.

    Sources: Zhao, Mopuri and Bilen, Dataset Condensation with Gradient Matching (ICLR 2021), whose inner loop this is
    with one network; Zhou, Nezhadarya and Ba, Dataset Distillation using Neural Feature Regression (NeurIPS 2022), for
    a pool of networks of different ages; Feng, Vedantam and Kempe, Embarrassingly Simple Dataset Distillation (ICLR
    2024), for a window at random.

    Args:
        networks: The kinds of networks.
        size: Networks of each kind; none is kept where the window is at random.
        lifetime: Training steps after which a network is replaced.
        steps: Training steps of a turn.
        window: Where in its training a network's turn is: ``moving``, after its last one; or at ``random``.
        optimizer: ``adam`` or ``sgd``.
        lr: Learning rate at the start.
        schedule: Of the rate: a ``cosine`` to zero over the lifetime, or ``constant``.
        batch: Examples of the set in a training step, drawn at random; 0 for all.
        augment: Augmentation of these.

    Examples:
        In YAML:

            method:
              class_path: OptimizedDistillation
              init_args:
                objective:
                  class_path: UnrolledMatching
                  init_args:
                    pool: {class_path: TrainedOnSet, init_args: {networks: [ConvNet, MLP], size: 2, lifetime: 200}}
    """

    follows_set: ClassVar[bool] = True

    def __init__(
        self,
        *,
        networks: Annotated[list[Network], NotEmpty()],
        size: Annotated[int, Range(1, 1000)] = 4,
        lifetime: PositiveInt = 400,
        steps: Steps = 5,
        window: Literal["moving", "random"] = "moving",
        optimizer: Literal["adam", "sgd"] = "adam",
        lr: PositiveFloat = 1e-3,
        schedule: Literal["cosine", "constant"] = "cosine",
        batch: NonNegativeInt = 32,
        augment: AnyAugment | None = None,
    ) -> None:
        super().__init__()
        self.networks = networks
        self.size = size
        self.lifetime = lifetime
        self.steps = steps
        self.window = window
        self.optimizer = optimizer
        self.lr = lr
        self.schedule = schedule
        self.batch = batch
        self.augment = augment
        # By network and place in the pool; and modules that lend the networks their shape.
        self._learners: list[list[Learner]] = []
        self._bodies: list[nn.Module] = []

    @property
    def kinds(self) -> list[Network]:
        """See :class:`Pool`."""
        return self.networks

    def get_extra_state(self) -> list[list[dict[str, Any]]]:
        """Return the networks and how far they are, for checkpoints."""
        return [[learner.state_dict() for learner in learners] for learners in self._learners]

    def set_extra_state(self, state: list[list[dict[str, Any]]]) -> None:
        """Go on with the networks of a checkpoint."""
        self._learners = [[Learner.from_state(values) for values in learners] for learners in state]
        self._bodies = []

    def inner(self) -> InnerOptimizer:
        """Return how the networks are trained."""
        return InnerOptimizer(self.optimizer, self.lr, self.lifetime if self.schedule == "cosine" else 0)

    def draw(self, task: Task, synthetic: Synthetic, streams: Streams) -> nn.Module:
        """See :class:`Pool`; a network of a random kind, after this turn's training on the set."""
        known = [learner for learners in self._learners for learner in learners]
        # Dropout draws from torch's global generator.
        with seeded(streams.seed_for("train", "dropout")):
            pairs = self.turn(task, synthetic, streams)
            body, learner = pairs[int(torch.randint(len(pairs), (), generator=streams.generator("kind")))]
            # The first time it is looked at as it is.
            if streams.step >= self.size and any(learner is other for other in known):
                with torch.no_grad():
                    whole = synthetic()
                self._train(body, learner, task, synthetic, whole, self.steps, streams.generator("train"))
        return with_weights(body, learner.weights)

    def turn(
        self, task: Task, synthetic: Synthetic, streams: Streams, lr: Tensor | None = None
    ) -> list[tuple[nn.Module, Learner]]:
        """Return the network of each kind whose turn it is, and the module that its weights are for.

        What trains the networks that it gets trains those of the pool.

        Args:
            task: Builds and trains networks for the data.
            synthetic: The set.
            streams: Randomness of this step and rank.
            lr: Learning rate by which a fresh network is trained up to a window at random; None for the pool's.
        """
        device = device_of(synthetic)
        if not self._bodies:
            self._bodies = [task.build(network, 0).to(device) for network in self.networks]
            for learner in (learner for learners in self._learners for learner in learners):
                learner.to(device)
        if self.window == "random":
            return self._somewhere(task, synthetic, streams, device, lr)
        if not self._learners:
            self._fill(task, synthetic, streams, device)
        place = streams.step % self.size
        for index, (network, learners) in enumerate(zip(self.networks, self._learners, strict=True)):
            if learners[place].step >= self.lifetime:
                fresh = task.build(network, streams.seed_for("network", index)).to(device)
                learners[place] = Learner.of(fresh)
        return [(body, learners[place]) for body, learners in zip(self._bodies, self._learners, strict=True)]

    def _somewhere(
        self, task: Task, synthetic: Synthetic, streams: Streams, device: torch.device, lr: Tensor | None
    ) -> list[tuple[nn.Module, Learner]]:
        """Return a fresh network of each kind, after a random number of steps that leaves a turn's to be done."""
        with torch.no_grad():
            whole = synthetic()
        pairs = []
        for index, (network, body) in enumerate(zip(self.networks, self._bodies, strict=True)):
            generator = streams.generator("window", index)
            steps = int(torch.randint(max(1, self.lifetime - self.steps + 1), (), generator=generator))
            learner = Learner.of(task.build(network, streams.seed_for("network", index)).to(device))
            self._train(body, learner, task, synthetic, whole, steps, generator, lr)
            pairs.append((body, learner))
        return pairs

    def _fill(self, task: Task, synthetic: Synthetic, streams: Streams, device: torch.device) -> None:
        with torch.no_grad():
            whole = synthetic()
        for index, network in enumerate(self.networks):
            self._learners.append([])
            for place in range(self.size):
                learner = Learner.of(task.build(network, streams.seed_for("pool", index, place)).to(device))
                # Whole turns, so that every network is replaced after as many.
                steps = self.lifetime * place // self.size // self.steps * self.steps
                generator = streams.generator("pool", index, place)
                self._train(self._bodies[index], learner, task, synthetic, whole, steps, generator)
                self._learners[index].append(learner)

    def _train(
        self,
        body: nn.Module,
        learner: Learner,
        task: Task,
        synthetic: Synthetic,
        whole: Batch,
        steps: int,
        generator: torch.Generator,
        lr: Tensor | None = None,
    ) -> None:
        train_on_set(
            learner,
            body,
            task,
            synthetic,
            task.narrow(whole, task.channels(generator)),
            steps=steps,
            optimizer=self.inner() if lr is None else replace(self.inner(), lr=lr),
            batch=self.batch,
            generator=generator,
            graph=False,
            augment=self.augment,
        )
