"""ExpertSamples: samples that stored experts classify right, with what the experts say of them for labels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from hf_distill.data.batch import Batch
from hf_distill.data.real import RealData
from hf_distill.data.some_rows import with_rows
from hf_distill.data.splits import SomeRows
from hf_distill.errors import UserError
from hf_distill.experts.store import ExpertStore
from hf_distill.experts.training import ExpertTraining
from hf_distill.initialization.base import InitialSamples
from hf_distill.initialization.real import RealSamples
from hf_distill.options import PositiveInt, Text
from hf_distill.seeding import Streams
from hf_distill.training.prediction import predict


class ExpertSamples(InitialSamples[RealData]):
    """Samples made of the rows that most experts classify right; their labels are the experts' mean logits.

    The mean is over those experts that classify a sample right, and over all where none does. Sets with ``DenseLabels``
    or ``TopLabels`` keep it; others take the class of a row.

    Source: Guo et al., Towards Lossless Dataset Distillation via Difficulty-Aligned Trajectory Matching (DATM, ICLR
    2024).

    Args:
        folder: Where the experts are stored; ``hf-distill experts`` trains them.
        experts: What they are.
        initial: Chooses or makes the samples of those rows; null for ``RealSamples``.
        candidates: Real rows of each class, drawn at random, that the experts look at.

    Examples:
        In YAML:

            method:
              class_path: OptimizedDistillation
              init_args:
                synthetic:
                  class_path: PixelSet
                  init_args: {labels: {class_path: DenseLabels, init_args: {stored: logits}}}
                initial:
                  class_path: ExpertSamples
                  init_args: {folder: outputs/experts, experts: {network: ConvNet}}
    """

    def __init__(
        self,
        *,
        folder: Text,
        experts: ExpertTraining,
        initial: InitialSamples | None = None,
        candidates: PositiveInt = 512,
    ) -> None:
        self.folder = folder
        self.experts = experts
        self.initial: InitialSamples = RealSamples() if initial is None else initial
        self.candidates = candidates

    @classmethod
    def foreign(cls, options: Mapping[str, Any]) -> list[str]:
        """See :class:`Part`."""
        return ["folder"]

    def draw(self, real: RealData, size: int, streams: Streams) -> Batch:
        """See :class:`InitialSamples`; with the probabilities that the mean logits stand for as labels.

        Raises:
            UserError: The data has no classes or is a stream, or the experts are not what they are to be.
        """
        if real.spec.target != "classes":
            raise UserError(
                f"ExpertSamples needs samples with classes, and what is learned here are {real.spec.target}"
            )
        networks = self.experts.trained(real, ExpertStore.open(self.folder))
        rows = self._right(real, size, networks, streams)
        drawn = self.initial.draw(with_rows(real, rows), size, streams)
        with torch.no_grad():
            logits = torch.stack([network(drawn.x) for network in networks])
        return Batch(drawn.x, mean_of_right(logits, drawn.hard).softmax(1), drawn.w)

    def _right(self, real: RealData, size: int, networks: list[nn.Module], streams: Streams) -> Tensor:
        """Return the rows of each class that most networks classify right, and at least as many as are asked for."""
        found = []
        for label, count in enumerate(real.quota(size)):
            rows = real.train.class_index(label)
            order = torch.randperm(len(rows), generator=streams.generator("candidates", label))
            rows = rows[order[: max(count, self.candidates)]]
            logits = predict(networks, SomeRows(real.train, rows), real.spec, real.train.device)
            share = torch.stack([(own.argmax(1) == label).float() for own in logits]).mean(0)
            best = share.argsort(descending=True, stable=True)
            found.append(rows[best[: max(count, int((share > 0.5).sum()))]])
        return torch.cat(found)


def mean_of_right(logits: Tensor, y: Tensor) -> Tensor:
    """Return the mean logits of those networks that are right, and of all where none is, ``(B, C)``.

    Args:
        logits: Of several networks, ``(K, B, C)``.
        y: Classes ``(B,)``.
    """
    right = (logits.argmax(2) == y).float()
    weight = torch.where(right.sum(0) > 0, right, 1.0)[..., None]
    return (weight * logits).sum(0) / weight.sum(0)
