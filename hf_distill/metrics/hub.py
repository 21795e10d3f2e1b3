"""The own metrics as ``evaluate`` modules, for ``transformers.Trainer`` and ``evaluate.combine``. Needs no network.

Importing this module imports ``evaluate``, which takes seconds; the evaluator does without.
"""

from __future__ import annotations

from typing import Any

import datasets
import evaluate
import torch

from hf_distill.metrics.functions import accuracy, macro_f1

_CITATION = ""


class _ClassMetric(evaluate.Metric):
    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description=type(self).__doc__ or "",
            citation=_CITATION,
            inputs_description="predictions and references: class indices",
            features=datasets.Features({"predictions": datasets.Value("int64"), "references": datasets.Value("int64")}),
        )

    def _one_hot(self, predictions: Any, references: Any) -> tuple[torch.Tensor, torch.Tensor]:
        predicted, labels = torch.as_tensor(predictions), torch.as_tensor(references)
        classes = int(torch.cat([predicted, labels]).max()) + 1
        return torch.nn.functional.one_hot(predicted, classes).double(), labels


class Accuracy(_ClassMetric):
    """Share of predictions that equal their reference."""

    def _compute(self, *, predictions: Any, references: Any) -> dict[str, float]:
        return {"accuracy": accuracy(*self._one_hot(predictions, references))}


class MacroF1(_ClassMetric):
    """Mean over classes of the harmonic mean of precision and recall."""

    def _compute(self, *, predictions: Any, references: Any) -> dict[str, float]:
        return {"macro_f1": macro_f1(*self._one_hot(predictions, references))}
