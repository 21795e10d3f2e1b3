"""The rows of one network architecture: what its networks say of test rows, and of changed ones, as numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from hf_distill.data.spec import DataSpec
from hf_distill.data.splits import Split
from hf_distill.evaluation.result import make_row, mean_std
from hf_distill.metrics.functions import accuracy, balanced_accuracy, class_accuracies, macro_f1
from hf_distill.robustness.robustness import Robustness
from hf_distill.seeding import Streams

Outputs = Mapping[str, list[Tensor]]
"""The logits ``(N, classes)`` of every network, by the name of what it was trained on."""
Sizes = dict[str, dict[str, int]]
"""Samples and bits of every baseline."""


def metric_rows(
    outputs: Outputs,
    test: Split,
    metrics: Mapping[str, Callable[[Tensor, Tensor], float]],
    sizes: Sizes,
    about: Mapping[str, Any],
) -> list[dict[str, Any]]:
    """Return a row for every metric; of classes, the first has the numbers of each class too."""
    rows = []
    for metric, function in metrics.items():
        scores = {name: [function(own, test.targets) for own in group] for name, group in outputs.items()}
        rows.append(make_row(scores, sizes, metric=metric, **about))
        if metric == "accuracy":
            rows[-1]["guess"] = float(test.labels.bincount().max()) / len(test)
    if test.spec.target == "classes":
        rows[0]["by_class"] = {name: by_class(group, test.labels, test.spec.classes) for name, group in outputs.items()}
    return rows


def by_class(outputs: list[Tensor], labels: Tensor, classes: Sequence[str]) -> dict[str, Any]:
    """Return what networks know of each class: the means of its accuracy, and mean and deviation of two averages."""
    each = torch.stack([class_accuracies(own, labels) for own in outputs]).mean(0)
    return {
        "accuracy": {name: None if value.isnan() else float(value) for name, value in zip(classes, each, strict=True)},
        "macro_f1": list(mean_std([macro_f1(own, labels) for own in outputs])),
        "balanced_accuracy": list(mean_std([balanced_accuracy(own, labels) for own in outputs])),
    }


@dataclass
class Harmed:
    """What networks still know of changed test images, collected while they are trained.

    Attributes:
        robustness: How the images are changed; None changes none.
        test: The split to measure on.
        spec: Whose units the networks know.
        device: Where they are.
        streams: Randomness.
        scores: Accuracies by harm and by what networks were trained on.
    """

    robustness: Robustness | None
    test: Split
    spec: DataSpec
    device: torch.device
    streams: Streams
    scores: dict[str, dict[str, list[float]]] = field(default_factory=dict)

    def look(self, name: str, network: nn.Module) -> None:
        """Measure a network that was trained on the training set of some name."""
        if self.robustness is None:
            return
        rows = self.robustness.chosen(self.test, self.streams)
        found = self.robustness.outputs(network, self.test, rows, self.spec, self.device, self.streams)
        for harm, logits in found.items():
            own = self.scores.setdefault(harm, {}).setdefault(name, [])
            own.append(accuracy(logits, self.test.labels[rows]))

    def rows(self, sizes: Sizes, about: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Return a row for every harm, and forget the networks that were looked at."""
        taken, self.scores = self.scores, {}
        return [
            make_row(scores, sizes, metric=f"accuracy, {harm}", harm=harm, **about) for harm, scores in taken.items()
        ]
