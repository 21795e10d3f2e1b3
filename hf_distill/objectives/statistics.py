"""StatisticsMatching: images that a trained network finds normal, layer by layer, and knows the class of."""

from __future__ import annotations

import copy
import json
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
from hf_distill.objectives.layer_inputs import layer_of, looked_at, looking, moments, moments_of_rows
from hf_distill.options import NonNegativeFloat, NonNegativeInt, Share, ShareBelowOne
from hf_distill.seeding import Streams
from hf_distill.synthetic.base import Synthetic, all_examples
from hf_distill.training.ensemble import Ensemble
from hf_distill.training.once import trained_for
from hf_distill.training.schedules import cosine
from hf_distill.training.teacher import Teacher

_NORMALISATIONS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
_CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)


class StatisticsMatching(Objective[RealData]):
    """Recovers images from a teacher: its cross-entropy, and how far the mean and variance of every channel are from
    those that its batch normalisation has seen in training.

    No real sample is looked at after the teacher is trained, unless ``convolutions`` are matched. Of several teachers,
    one after another has a step. All samples of the set are one batch, of which the statistics are taken:
    ``method.chunk`` makes such batches of a larger set, that are optimised one after another.

    Source: Yin, Xing and Shen, Squeeze, Recover and Relabel (SRe2L, NeurIPS 2023); ``curriculum`` is that of Yin and
    Shen, Dataset Distillation via Curriculum Data Synthesis (CDA, TMLR 2024); ``convolutions``, ``patches`` and
    ``average`` are those of Shao et al., Generalized Large-Scale Data Condensation via Various Backbone and Statistical
    Matching (G-VBSM, CVPR 2024).

    Args:
        teacher: Networks with batch normalisation; null for a ``Teacher`` that is trained on the data.
        weight: Of the statistics, beside the cross-entropy.
        first: How many times as much those of the first layer count, the first normalisation and the first convolution.
        views: What is done to images before they are looked at; null for parts of 8 % to all of them, mirrored.
        curriculum: Share of the steps in which the smallest part shrinks from the whole image to that of ``views``,
            along a cosine; 0 leaves it there.
        jitter: Pixels that images are rolled by at most in each step.
        convolutions: Match what convolutions are given too, to all real training rows, which the teacher sees once for
            that. A network then needs no batch normalisation.
        patches: Side of patches, in pixels of what a convolution is given (G-VBSM and EDC: 16). Mean and variance of
            those at each place, over images, channels and pixels, are matched beside those of the channels; 0 for none.
        average: Decay of a moving average of the set's statistics, which is what is compared; gradients are those of
            the present ones (G-VBSM: 0.4, EDC: 0.8). ``method.average`` is that of the samples themselves.

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
        convolutions: bool = False,
        average: ShareBelowOne = 0.0,
        patches: NonNegativeInt = 0,
    ) -> None:
        super().__init__()
        self.teacher = Teacher() if teacher is None else teacher
        self.weight = weight
        self.first = first
        self.views = RandomViews() if views is None else views
        self.curriculum = curriculum
        self.jitter = jitter
        self.convolutions = convolutions
        self.average = average
        self.patches = patches
        self._steps = 1
        self._averages: dict[str, Tensor] = {}
        # Not registered: their weights are no part of a run's state.
        self._networks: tuple[nn.Module, ...] = ()

    def prepare(self, synthetic: Synthetic, real: RealData, steps: int) -> None:
        """See :class:`Objective`."""
        self._steps = steps

    def check(self, real: RealData) -> None:
        """See :class:`Objective`; a network that would be trained here is looked at before it is.

        Raises:
            UserError: The data are no images with classes, the views do not fit, or there is nothing to match.
        """
        spec = real.spec
        if spec.kind != "image" or spec.target != "classes":
            raise UserError(f"StatisticsMatching recovers images with classes, not {spec.form.plural}")
        if self.views.mixes:
            raise UserError("objective.views mix images, whose labels are then neither's: set their mix to none")
        self.views.check(spec.shape)
        if self.patches and not self.convolutions:
            raise UserError("objective.patches are of what convolutions are given: set objective.convolutions=true")
        if self.convolutions and real.is_stream:
            raise UserError("objective.convolutions are matched to all training rows, which a stream does not hold")
        if isinstance(self.teacher, Ensemble) or self.teacher.path is not None:
            self._teachers(real)
            self._networks = ()
        else:
            self._layers((self.teacher.network or default_network(spec)).build_for(spec, 0), "to be trained")

    def forward(self, synthetic: Synthetic, real: RealData, streams: Streams) -> dict[str, Tensor]:
        """See :class:`Objective`.

        Raises:
            UserError: There is nothing to match in a network; at the first step.
        """
        streams = replace(streams, rank=0)  # all ranks see the same views: as many of them make the same set
        networks = self._teachers(real)
        place = streams.step % len(networks)
        network, layers = networks[place], self._layers(networks[place])
        examples = all_examples(synthetic, synthetic())
        given: dict[str, Tensor] = {}

        def see(layer: str, x: Tensor) -> None:
            side = self.patches if isinstance(layers[layer], _CONVOLUTIONS) else 0
            for name, own in looked_at(layer, x, side).items():
                given[name] = self._averaged(f"{place}.{name}", moments(own, examples.w))

        with looking(layers, see):
            logits = network(self._seen(examples.x, streams))
        cost = F.cross_entropy(logits, examples.hard, reduction="none")
        expected = self._expected(place, real)
        apart: dict[str, Tensor] = {}
        for name, own in given.items():
            distance, layer = (own - expected[name]).norm(dim=1).sum(), layer_of(name)
            apart[layer] = apart[layer] + distance if layer in apart else distance
        total = torch.zeros((), device=logits.device)
        for kinds in (_NORMALISATIONS, _CONVOLUTIONS):
            distances = [distance for name, distance in apart.items() if isinstance(layers[name], kinds)]
            total = total + sum(distances[1:]) + self.first * sum(distances[:1])
        return {"cross_entropy": weighted_mean(cost, examples.w), "statistics": self.weight * total}

    def get_extra_state(self) -> dict[str, Tensor]:
        """Return the moving averages, for checkpoints."""
        return self._averages

    def set_extra_state(self, state: dict[str, Tensor]) -> None:
        """Go on with those of a checkpoint."""
        self._averages = dict(state)

    def _averaged(self, name: str, present: Tensor) -> Tensor:
        """Return the moving average of a layer's statistics, with the gradient of the present ones."""
        if not self.average:
            return present
        now = present.detach()
        mean = self._averages.get(name, now).to(now).lerp(now, 1 - self.average)
        self._averages[name] = mean
        return mean + present - now

    def _expected(self, place: int, real: RealData) -> dict[str, Tensor]:
        """Return the statistics ``(2, C)`` that each layer of a network is to be given, by its name."""
        network = self._networks[place]
        layers = self._layers(network)
        expected = {
            name: torch.stack([layer.running_mean, layer.running_var])  # type: ignore[list-item]
            for name, layer in layers.items()
            if isinstance(layer, _NORMALISATIONS)
        }
        if self.convolutions:
            known = trained_for(real)
            key = f"inputs of convolutions: {json.dumps(self.teacher.config())}, {place}, {self.patches}"
            if key not in known:
                others = {name: layer for name, layer in layers.items() if name not in expected}
                known[key] = moments_of_rows(network, others, real.train, self.patches)
            expected |= known[key]
        return expected

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
                self._layers(network, experts.source)
            self._networks = found
        return self._networks

    def _layers(self, network: nn.Module, source: str = "") -> dict[str, nn.Module]:
        """Return the layers whose inputs are matched, by their names.

        Raises:
            UserError: There are none.
        """
        layers: dict[str, nn.Module] = {
            name: layer
            for name, layer in network.named_modules()
            if (isinstance(layer, _NORMALISATIONS) and layer.running_mean is not None)
            or (self.convolutions and isinstance(layer, _CONVOLUTIONS))
        }
        if not layers:
            raise UserError(
                f"the teacher ({source}) has no batch normalisation, whose statistics images are recovered from: "
                "choose a network with norm: batch, or match convolutions by objective.convolutions=true"
            )
        return layers
