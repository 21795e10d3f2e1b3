"""Teaching: labels of a teacher for the training sets of an evaluation, so that all have the same ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import copy
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from hf_distill.augment.base import Augment
from hf_distill.data.batch import Batch
from hf_distill.data.real import RealData
from hf_distill.data.spec import DataSpec
from hf_distill.errors import UserError
from hf_distill.evaluation.baselines import random_samples
from hf_distill.evaluation.contenders import Contender, published
from hf_distill.hub.artifact import DistilledDataset
from hf_distill.hub.results import SAME_LABELS
from hf_distill.hub.soft_examples import SoftExamples, holds_soft
from hf_distill.seeding import Streams
from hf_distill.training.experts import Experts
from hf_distill.training.recipe import Recipe
from hf_distill.training.source import Source
from hf_distill.training.teacher import Teacher

_BATCH = 256


class TaughtSource(Source):
    """Samples that a teacher labels while a network trains on them, as augmentation shows them: nothing is stored.

    Args:
        data: The samples.
        experts: The teachers.
        augment: What is done to samples before they are labelled and seen, with parameters of their own for each.
    """

    repeats = False

    def __init__(self, data: Batch, experts: Experts, augment: Augment | None) -> None:
        self._data, self._experts, self._augment = data, experts, augment

    def __len__(self) -> int:
        return len(self._data)

    def batch(self, index: Tensor) -> Batch:
        """See :class:`Source`; samples as they are."""
        taken = self._data.take(index.to(self._data.x.device))
        return Batch(taken.x, self._experts.probabilities(taken.x), taken.w)

    def epoch(self, size: int, generator: torch.Generator) -> Iterator[Batch]:
        """See :class:`Source`."""
        for rows in torch.randperm(len(self), generator=generator).tensor_split(-(-len(self) // size)):
            x = self._data.x[rows]
            if self._augment is not None:
                x = self._augment.apply(x, self._augment.sample(generator, len(x)))
            yield Batch(x, self._experts.probabilities(x), self._data.w[rows])


@dataclass(frozen=True)
class Teaching:
    """How the labels of an evaluation come about.

    Attributes:
        labels: ``hard``, ``soft``: those that a set stores, or ``taught``: those that the teachers give in training.
        recipe: How networks are trained.
        experts: The teachers; None where none is asked.
    """

    labels: str
    recipe: Recipe
    experts: Experts | None = None

    @classmethod
    def of(cls, labels: str, recipe: Recipe, teacher: Teacher | None, real: RealData) -> Teaching:
        """Return it for some data.

        Raises:
            UserError: The recipe or the teacher do not go with the labels, or with the data.
        """
        if labels != "taught":
            recipe.check(real.spec)
        elif teacher is None:
            raise UserError("evaluator.labels taught are those of evaluator.teacher: name one")
        if recipe.loss.of_rows:
            raise UserError(
                f"recipe.loss {type(recipe.loss).__name__} is for trainings on the data's own rows, and sets have "
                "other shares of the classes: give it to a teacher, and set evaluator.recipe.loss to null"
            )
        if labels == "hard" and recipe.loss.soft:
            raise UserError(
                f"recipe.loss {type(recipe.loss).__name__} needs soft labels, and these are hard; set recipe.loss to "
                "CrossEntropy, or evaluator.labels to soft"
            )
        return cls(labels, recipe, None if teacher is None else teacher.experts(real))

    def about(self) -> dict[str, Any]:
        """Return what a row says of the teachers."""
        return {} if self.experts is None else {"teacher": self.experts.identity()}

    @property
    def bits(self) -> int:
        """What a reader downloads of the teachers, where they label while networks train."""
        return self.experts.identity()["bits"] if self.experts is not None and self.labels == "taught" else 0

    def recipe_for(self, contender: Contender) -> Recipe:
        """Return the recipe for a training set: what needs soft labels only where there are some."""
        recipe = copy(self.recipe)
        if self.labels == "taught" and contender.soft:
            recipe.augment = None  # the source does it, before it asks the teacher
        elif not contender.soft:
            recipe = hard(recipe)
        return recipe

    def contenders(
        self,
        distilled: DistilledDataset,
        start: DistilledDataset | None,
        real: RealData,
        streams: Sequence[Streams],
    ) -> dict[str, Contender]:
        """Return the set, its start and, where there are teachers, random samples with the same labels.

        Args:
            distilled: The set.
            start: What its method started from, where that is known.
            real: The data.
            streams: Those of each network.
        """
        sets = {"distilled": distilled} if start is None else {"distilled": distilled, "start": start}
        found = {name: self._published(own, name == "distilled", len(streams)) for name, own in sets.items()}
        if self.experts is not None and self.labels != "hard":
            found[SAME_LABELS] = self.same_labels(real, distilled, streams)
        return found

    def _published(self, artifact: DistilledDataset, required: bool, networks: int) -> Contender:
        """Return a set as it is published; one that holds no soft labels has hard ones, unless they are required."""
        if self.labels != "taught":
            soft = self.labels == "soft" and (required or holds_soft(artifact.packed))
            return published(artifact, networks, soft)
        assert self.experts is not None
        own = published(artifact, networks, False)
        taught: Source = TaughtSource(artifact.batch(), self.experts, self.recipe.augment)
        sources = [taught] * networks
        return replace(own, sources=sources, bits=own.bits + self.bits, soft=True)

    def same_labels(self, real: RealData, distilled: DistilledDataset, streams: Sequence[Streams]) -> Contender:
        """Return as many random real samples as the set has, a draw for each network, with labels like the set's.

        Of stored labels, they are those of the teachers for the same views, cut to as many classes; their rounding is
        left out. They count as many bits.
        """
        assert self.experts is not None
        spec, rows = distilled.spec, []
        sources: list[Source] = []
        for own in streams:
            chosen = random_samples(real, spec, len(distilled), own)
            rows.append(chosen.rows)
            if self.labels == "taught":
                sources.append(TaughtSource(chosen.batch, self.experts, self.recipe.augment))
            else:
                sources.append(_like(distilled.packed.meta, chosen.batch, spec, self.experts))
        stored = 0 if self.labels == "taught" else distilled.bits["codes"].labels
        bits = spec.form.sample_bits(spec) * len(distilled) + stored + self.bits
        return Contender(sources, bits, soft=True, rows=torch.cat(rows))


def hard(recipe: Recipe) -> Recipe:
    """Return a recipe for hard labels: with the usual loss where it is one of soft ones, and nothing mixed."""
    recipe = copy(recipe)
    if recipe.loss.soft:
        recipe.loss = Recipe().loss
    if recipe.augment is not None and recipe.augment.mixes:
        recipe.augment = recipe.augment.unmixed()
    return recipe


def _like(meta: dict[str, Any], batch: Batch, spec: DataSpec, experts: Experts) -> SoftExamples:
    """Return samples with the labels that teachers give them, of the kind that a description of codes says."""
    about = meta["labels"]
    views = about.get("views", {}).get("count", 1)
    blank = torch.zeros(len(batch) * views, spec.num_outputs)
    seen = SoftExamples(batch.x.cpu(), batch.w.cpu(), blank, about.get("views"))
    parts = torch.arange(len(seen)).split(_BATCH)
    device = next(experts.networks[0].parameters()).device
    y = torch.cat([experts.probabilities(seen.batch(part).x.to(device)).cpu() for part in parts])
    if "top" in about:
        top = y.topk(about["top"], 1)
        y = torch.zeros_like(y).scatter(1, top.indices, top.values / top.values.sum(1, keepdim=True))
    return SoftExamples(batch.x.cpu(), batch.w.cpu(), y, about.get("views"))
