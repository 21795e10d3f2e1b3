"""Relabeled: the set of any other method, with labels of a teacher."""

from __future__ import annotations

import copy
from itertools import islice
from pathlib import Path

import torch
from torch import Tensor

from hf_distill.data.batch import Batch
from hf_distill.data.real import RealData
from hf_distill.errors import UserError
from hf_distill.labels.base import Labels
from hf_distill.labels.dense import DenseLabels
from hf_distill.large import spans
from hf_distill.methods.coreset import Coreset
from hf_distill.methods.method import Method, Run
from hf_distill.ranks import Ranks
from hf_distill.synthetic.base import Synthetic
from hf_distill.training.experts import Experts
from hf_distill.training.teacher import Teacher

# Views that are made and labelled at once.
_BATCH = 256


class Relabeled(Method[RealData]):
    """Makes a set by another method, and has a teacher label it as it is published: each sample, or views of each.

    Around ``Coreset`` these are real images with the labels of a distilled set: what every such set is to be compared
    with.

    Source: the last stage of Yin, Xing and Shen, Squeeze, Recover and Relabel (NeurIPS 2023); labels of views as Shen
    and Xing, A Fast Knowledge Distillation Framework for Visual Recognition (ECCV 2022), store them.

    Args:
        method: Makes the samples; null for a ``Coreset``.
        teacher: Labels them; null for a ``Teacher`` that is trained on the data.
        labels: What is stored of its labels; null for ``DenseLabels(learned=False)``, one soft label a sample.

    Examples:
        >>> from hf_distill import MLP, Coreset, DenseLabels, RealData, Recipe, Relabeled, Teacher
        >>> teacher = Teacher(network=MLP(width=16), recipe=Recipe(epochs=1))
        >>> method = Relabeled(method=Coreset(per_class=1), teacher=teacher, labels=DenseLabels(learned=False))
        >>> method.distill(RealData()).exact().y.shape
        torch.Size([10, 10])
    """

    def __init__(
        self, *, method: Method | None = None, teacher: Teacher | None = None, labels: Labels | None = None
    ) -> None:
        self.method: Method = Coreset() if method is None else method
        self.teacher = Teacher() if teacher is None else teacher
        self.labels: Labels = DenseLabels(learned=False) if labels is None else labels

    def fit(self, real: RealData, run: Run) -> Synthetic:
        """See :class:`Method`.

        Raises:
            UserError: The data have no classes, or labels or teacher are not for them; before the work.
        """
        self.open(real)
        if real.spec.target != "classes":
            raise UserError(f"a teacher says classes, and what is learned here are {real.spec.target}")
        self.labels.suited(real.spec)
        self.teacher.check(real)
        synthetic = self.method.fit(real, run)  # before a teacher is trained: it may refuse the data
        experts = self.teacher.experts(real)
        labels = copy.deepcopy(self.labels)
        with torch.no_grad():
            synthetic.relabel(taught(experts, labels, synthetic))
        run.notes.timing["teacher"] = experts.identity()
        return synthetic

    def finish(self, folder: Path) -> None:
        """See :class:`Method`."""
        self.method.finish(folder)

    def is_unfinished(self, folder: Path) -> bool:
        """See :class:`Method`."""
        return self.method.is_unfinished(folder)


def taught(experts: Experts, labels: Labels, synthetic: Synthetic) -> Labels:
    """Return what is stored of what teachers say of a set's samples as they are published, or of their views.

    Ranks share the batches, and each is given all answers. Of these no more are held than those of some samples.

    Args:
        experts: The teachers.
        labels: What is to be stored; they hold blank labels after this.
        synthetic: The set.
    """
    spec, x = synthetic.spec, synthetic().x.detach()
    x = spec.form.load(spec, spec.form.store(spec, x.cpu())).to(x)
    shape = (labels.views, spec.num_outputs) if labels.views > 1 else (spec.num_outputs,)
    blank = torch.full((1, *shape), 1 / spec.num_outputs, device=x.device)
    labels.taught(blank, spec)  # so that they know their views
    decoded = Batch.of(x, blank.expand(len(x), *shape))
    batches = list(spans(len(x) * labels.views, _BATCH))

    def said(number: int) -> Tensor:
        index = torch.arange(batches[number].start, batches[number].stop)
        return experts.probabilities(labels.view(decoded, index).x).cpu()

    answers, made = Ranks.together().shared(said, len(batches)), []
    for samples in spans(len(x), _BATCH):  # whose views are whole batches, but for the last
        count = samples.stop - samples.start
        y = torch.cat(list(islice(answers, -(-count * labels.views // _BATCH))))
        part = copy.deepcopy(labels)
        part.taught(y.view(count, *shape).to(x.device), spec)
        made.append(part)
    made[0].join(made[1:])
    return made[0]
