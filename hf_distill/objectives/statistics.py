"""StatisticsMatching: images that a trained network finds normal, layer by layer, and knows the class of."""

from __future__ import annotations

import copy
from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from hf_distill.augment.random_views import RandomViews
from hf_distill.data.batch import weighted_mean
from hf_distill.data.real import RealData
from hf_distill.errors import UserError
from hf_distill.networks.default import default_network
from hf_distill.objectives.base import Objective
from hf_distill.options import NonNegativeFloat, NonNegativeInt, Share
from hf_distill.seeding import Streams
from hf_distill.synthetic.base import Synthetic, all_examples
from hf_distill.training.ensemble import Ensemble
from hf_distill.training.schedules import cosine
from hf_distill.training.teacher import Teacher


class StatisticsMatching(Objective[RealData]):
    """Recovers images from a teacher: its cross-entropy, and how far the mean and variance of every channel are from
    those that its batch normalisation has seen in training.

    No real sample is looked at after the teacher is trained. Of several teachers, one after another has a step. All
    samples of the set are one batch, of which the statistics are taken: ``method.chunk`` makes such batches of a larger
    set, that are optimised one after another.

    Source: Yin, Xing and Shen, Squeeze, Recover and Relabel (SRe2L, NeurIPS 2023); ``curriculum`` is that of Yin and
    Shen, Dataset Distillation via Curriculum Data Synthesis (CDA, TMLR 2024).

    Args:
        teacher: Networks with batch normalisation; null for a ``Teacher`` that is trained on the data.
        weight: Of the statistics, beside the cross-entropy.
        first: How many times as much those of the first layer count.
        views: What is done to images before they are looked at; null for parts of 8 % to all of them, mirrored.
        curriculum: Share of the steps in which the smallest part shrinks from the whole image to that of ``views``,
            along a cosine; 0 leaves it there.
        jitter: Pixels that images are rolled by at most in each step.

    Examples:
        In YAML:

            method:
              class_path: OptimizedDistillation
              init_args:
                objective:
                  class_path: StatisticsMatching
                  init_args:
                    teacher: {path: outputs/teacher}  # of hf-distill train-teacher
                    weight: 0.05
    """

    paper = "Yin et al. 2023"
    citation = """@inproceedings{yin2023squeeze,
  title = {Squeeze, Recover and Relabel: Dataset Condensation at ImageNet Scale From A New Perspective},
  author = {Yin, Zeyuan and Xing, Eric and Shen, Zhiqiang},
  booktitle = {NeurIPS},
  year = {2023}
}"""

    def __init__(
        self,
        *,
        teacher: Teacher | None = None,
        weight: NonNegativeFloat = 0.01,
        first: NonNegativeFloat = 10.0,
        views: RandomViews | None = None,
        curriculum: Share = 0.0,
        jitter: NonNegativeInt = 0,
    ) -> None:
        super().__init__()
        self.teacher = Teacher() if teacher is None else teacher
        self.weight = weight
        self.first = first
        self.views = RandomViews() if views is None else views
        self.curriculum = curriculum
        self.jitter = jitter
        self._steps = 1
        # Not registered: their weights are no part of a run's state.
        self._networks: tuple[nn.Module, ...] = ()

    def prepare(self, synthetic: Synthetic, real: RealData, steps: int) -> None:
        """See :class:`Objective`."""
        self._steps = steps

    def check(self, real: RealData) -> None:
        """See :class:`Objective`; a network that would be trained here is looked at before it is.

        Raises:
            UserError: The data are no images with classes, the views do not fit, or there is no batch normalisation.
        """
        spec = real.spec
        if spec.kind != "image" or spec.target != "classes":
            raise UserError(f"StatisticsMatching recovers images with classes, not {spec.form.plural}")
        if self.views.mixes:
            raise UserError("objective.views mix images, whose labels are then neither's: set their mix to none")
        self.views.check(spec.shape)
        if isinstance(self.teacher, Ensemble) or self.teacher.path is not None:
            self._teachers(real)
            self._networks = ()
        else:
            _check_normalised((self.teacher.network or default_network(spec)).build_for(spec, 0), "to be trained")

    def forward(self, synthetic: Synthetic, real: RealData, streams: Streams) -> dict[str, Tensor]:
        """See :class:`Objective`.

        Raises:
            UserError: A network has no batch normalisation; at the first step.
        """
        streams = replace(streams, rank=0)  # all ranks see the same views: as many of them make the same set
        networks = self._teachers(real)
        network = networks[streams.step % len(networks)]
        examples = all_examples(synthetic, synthetic())
        x = self._seen(examples.x, streams)
        distances: list[Tensor] = []
        hooks = [
            layer.register_forward_pre_hook(
                lambda layer, inputs: distances.append(_distance(layer, inputs[0], examples.w))
            )
            for layer in _normalisations(network)
        ]
        try:
            logits = network(x)
        finally:
            for hook in hooks:
                hook.remove()
        cost = F.cross_entropy(logits, examples.hard, reduction="none")
        apart = self.first * distances[0] + torch.stack(distances[1:] or [distances[0] * 0]).sum()
        return {"cross_entropy": weighted_mean(cost, examples.w), "statistics": self.weight * apart}

    def _seen(self, x: Tensor, streams: Streams) -> Tensor:
        generator = streams.generator("view")
        views = copy.copy(self.views)
        if self.curriculum:
            done = min(1.0, streams.step / (self.curriculum * self._steps))
            views.least = views.least + (1 - views.least) * cosine(done)
        x = views.apply(x, views.sample(generator, len(x)))
        if self.jitter:
            down, right = torch.randint(-self.jitter, self.jitter + 1, (2,), generator=generator).tolist()
            x = x.roll((down, right), (2, 3))
        return x

    def _teachers(self, real: RealData) -> tuple[nn.Module, ...]:
        """Return the networks, without gradients of their own.

        Raises:
            UserError: They do not fit.
        """
        if not self._networks:
            experts = self.teacher.experts(real)
            found = tuple(copy.deepcopy(network).requires_grad_(False) for network in experts.networks)
            for network in found:
                _check_normalised(network, experts.source)
            self._networks = found
        return self._networks


def _check_normalised(network: nn.Module, source: str) -> None:
    """Refuse a network that images cannot be recovered from."""
    if not _normalisations(network):
        raise UserError(
            f"the teacher ({source}) has no batch normalisation, whose statistics images are recovered from: choose a "
            "network with norm: batch"
        )


def _normalisations(network: nn.Module) -> list[nn.Module]:
    kinds = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
    return [layer for layer in network.modules() if isinstance(layer, kinds) and layer.running_mean is not None]


def _distance(layer: nn.Module, x: Tensor, w: Tensor) -> Tensor:
    """Return how far weighted mean and variance of channels are from those of the training, in Euclidean norms."""
    x = x.reshape(*x.shape[:2], -1)
    share = (w / w.sum())[:, None, None] / x.shape[2]
    mean = (share * x).sum((0, 2))
    variance = (share * (x - mean[:, None]).square()).sum((0, 2))
    return (mean - layer.running_mean).norm() + (variance - layer.running_var).norm()  # type: ignore[operator]
