"""Metrics by name: this library's own, which need no network, and anything that ``evaluate`` loads."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from hf_distill.errors import UserError
from hf_distill.metrics.functions import (
    accuracy,
    balanced_accuracy,
    macro_f1,
    sensitivity,
    specificity,
    top3_accuracy,
    top5_accuracy,
)
from hf_distill.metrics.numbers import label_f1, mae, mean_average_precision, mse, r2

METRICS: dict[str, Callable[[Tensor, Tensor], float]] = {
    "accuracy": accuracy,
    "top3_accuracy": top3_accuracy,
    "top5_accuracy": top5_accuracy,
    "macro_f1": macro_f1,
    "balanced_accuracy": balanced_accuracy,
    "sensitivity": sensitivity,
    "specificity": specificity,
    "r2": r2,
    "mse": mse,
    "mae": mae,
    "label_f1": label_f1,
    "mean_average_precision": mean_average_precision,
}
"""Own metrics: logits ``(N, classes)`` and class indices ``(N,)``, or outputs and targets ``(N, outputs)``, to a
number."""

#: What is measured of a target where nobody says; recipes are chosen by the first of each, of which more is better.
TARGET_METRICS: dict[str, list[str]] = {
    "classes": ["accuracy"],
    "labels": ["label_f1", "mean_average_precision"],
    "values": ["r2", "mse", "mae"],
}


def load_metric(name: str) -> Callable[[Tensor, Tensor], float]:
    """Return a metric of logits ``(N, classes)`` and class indices ``(N,)``.

    Args:
        name: One of :data:`METRICS`, or what ``evaluate.load`` takes: a local folder, or a Hub id. The latter gets
            predicted class indices, and its value of the metric's own name counts.

    Raises:
        UserError: There is no such metric.
    """
    if name in METRICS:
        return METRICS[name]
    import evaluate  # seconds to import, and needed here alone

    try:
        metric = evaluate.load(name)
    except (FileNotFoundError, ConnectionError, ImportError) as error:
        raise UserError(
            f"metric {name!r} is unknown and evaluate cannot load it; choose {', '.join(METRICS)} or the "
            "folder of a metric"
        ) from error

    def compute(logits: Tensor, labels: Tensor) -> float:
        values = metric.compute(predictions=logits.argmax(1).tolist(), references=labels.tolist())
        key = metric.name if metric.name in values else next(iter(values))
        return float(values[key])

    return compute


__all__ = ["METRICS", "accuracy", "balanced_accuracy", "load_metric", "macro_f1", "top3_accuracy", "top5_accuracy"]
