"""RelabeledSamples: real samples with the classes that trained networks give them."""

from __future__ import annotations

from typing import Annotated

import torch

from hf_distill.data.batch import Batch
from hf_distill.data.real import RealData
from hf_distill.errors import UserError
from hf_distill.initialization.base import InitialSamples
from hf_distill.initialization.real import RealSamples
from hf_distill.labels.views import VIEWED, views_of
from hf_distill.networks.base import Architecture
from hf_distill.networks.mlp import MLP
from hf_distill.options import Few, Range
from hf_distill.quantization.base import Quantizer
from hf_distill.quantization.grouping import quantized
from hf_distill.seeding import Streams
from hf_distill.training.optimizers import Adam
from hf_distill.training.recipe import Recipe
from hf_distill.training.schedules import Cosine
from hf_distill.training.teacher import Teacher


class RelabeledSamples(InitialSamples[RealData]):
    """Other initial samples, each with the class that an ensemble trained on all real data finds likeliest.

    Where classes overlap (the best of 64 beams, of which 16 are measured), a sample's own label is one draw from
    several likely ones: with few samples a network learns the draws. The ensemble's class carries what all rows say
    and takes as many bits. Ours; hard labels of a teacher in the manner of Hinton et al., Distilling the Knowledge in
    a Neural Network (2015).

    The real rows at these places were part of the ensemble's training; a short training that does not learn single
    rows by heart serves best.

    Args:
        initial: Gives the samples; null for ``RealSamples``.
        network: The teachers' architecture; null for an ``MLP``.
        teachers: Networks whose probabilities are averaged.
        recipe: How they are trained; null for 30 epochs of Adam, from 1e-3 along a cosine to zero, in batches of 128.
        soft: Give the ensemble's mean probabilities instead of the likeliest class.
        quantizer: Label the samples as they are after this quantization, the one that the set will have: what was
            rounded may well belong to another class. The samples themselves come as they are.
        views: Label so many views of each image, softly, for a set with ``ViewLabels``: the image and parts of it.
        share: Of an image's height and width that the parts have, as in ``ViewLabels``.
        teacher: Labels the samples in place of such an ensemble.

    Examples:
        >>> from hf_distill import MLP, RealData, Recipe, RelabeledSamples
        >>> from hf_distill.seeding import Streams
        >>> start = RelabeledSamples(network=MLP(width=16), teachers=1, recipe=Recipe(epochs=1), soft=True)
        >>> start.draw(RealData().setup(), 1, Streams(0)).y.shape  # what the teacher finds likely
        torch.Size([10, 10])
    """

    def __init__(
        self,
        *,
        initial: InitialSamples | None = None,
        network: Architecture | None = None,
        teachers: Few = 4,
        recipe: Recipe | None = None,
        soft: bool = False,
        quantizer: Quantizer | None = None,
        views: Annotated[int, Range(1, 1024)] = 1,
        share: Annotated[float, Range(0, 1, above=True)] = 0.5,
        teacher: Teacher | None = None,
    ) -> None:
        self.initial = RealSamples() if initial is None else initial
        self.network = MLP() if network is None else network
        self.teachers = teachers
        usual = Recipe(epochs=30, batch_size=128, optimizer=Adam(), schedule=Cosine(each="step"))
        self.recipe = usual if recipe is None else recipe
        self.soft = soft
        self.quantizer = quantizer
        self.views = views
        self.share = share
        self.teacher = teacher

    def draw(self, real: RealData, size: int, streams: Streams) -> Batch:
        """See :class:`InitialSamples`; ordered by the new labels, and a class may have more than ``size`` or none.

        Raises:
            UserError: An option is out of its range, or the data has no classes or is a stream.
        """
        if real.spec.target != "classes":
            raise UserError(f"RelabeledSamples needs samples with classes, not {type(real).__name__}")
        if self.views > 1 and not (self.soft and real.spec.kind in VIEWED):
            raise UserError("initial.views are those of images, softly labelled: set initial.soft=true, or views to 1")
        drawn = self.initial.draw(real, size, streams)
        seen = drawn.x if self.quantizer is None else quantized(drawn.x, self.quantizer)
        experts = self._teacher(streams).experts(real)
        if self.views > 1:
            y = torch.stack([experts.probabilities(part) for part in views_of(seen, self.views, self.share)], 1)
        else:
            y = experts.probabilities(seen)
        batch = Batch(drawn.x, y, drawn.w, source=drawn.source)
        order = batch.hard.argsort(stable=True)
        return (batch if self.soft else Batch(drawn.x, batch.hard, drawn.w, source=drawn.source)).take(order)

    def _teacher(self, streams: Streams) -> Teacher:
        usual = Teacher(network=self.network, recipe=self.recipe, count=self.teachers, seed=streams.seed)
        return self.teacher or usual
