"""Evaluation: the numbers of a distilled set and how they were measured."""

from __future__ import annotations

import html
import json
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
from PIL.Image import Image

from hf_distill.evaluation.ranking import label_robust_score
from hf_distill.files import write_atomically
from hf_distill.hub.results import evaluation_text, results_table, verdict


@dataclass
class Evaluation:
    """The content of ``evaluation.json``.

    Attributes:
        protocol: How it was measured.
        rows: One dictionary a network and metric; numbers are fractions.
        pictures: For the card, by file name; no part of the JSON.
        features: Distances to real samples in a feature space, as :class:`FeatureMetrics` returns them, where they
            were measured.

    Examples:
        >>> from hf_distill import MLP, ClassificationEvaluator, Coreset, RealData, Recipe
        >>> real = RealData()
        >>> evaluator = ClassificationEvaluator(networks=[MLP()], seeds=2, recipe=Recipe(epochs=5)).alone()
        >>> evaluation = evaluator.evaluate(Coreset(per_class=1).distill(real), real, progress=False)
        >>> len(evaluation.to_pandas()), evaluation.rows[0]["mean"] > 0.1
        (1, False)
    """

    protocol: dict[str, Any]
    rows: list[dict[str, Any]] = field(default_factory=list)
    pictures: dict[str, Image] = field(default_factory=dict)
    features: dict[str, Any] | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON."""
        values = {"protocol": self.protocol, "rows": self.rows}
        return values if self.features is None else {**values, "features": self.features}

    def save(self, path: str | Path) -> None:
        """Write it; an interrupted write leaves what was there before."""
        write_atomically(Path(path), json.dumps(self.to_dict(), indent=2) + "\n")

    def to_pandas(self) -> pd.DataFrame:
        """Return the table of :meth:`__str__` as numbers: a line a network and metric, baselines as columns."""
        return pd.json_normalize(self.rows)

    def _repr_html_(self) -> str:
        """Show the tables in a notebook."""
        said = "".join(f"<p>{html.escape(line)}</p>" for line in map(verdict, self.rows) if line)
        return results_table(self.rows).html() + said if self.rows else html.escape(str(self))

    def __str__(self) -> str:
        return evaluation_text(self.to_dict())


def make_row(scores: dict[str, list[float]], sizes: dict[str, dict[str, int]], **about: Any) -> dict[str, Any]:
    """Return the row of one network and metric.

    Args:
        scores: The values of every seed: ``distilled``, baselines, and ``full``, where they were measured.
        sizes: ``samples`` and ``bits`` of each baseline.
        about: ``network``, ``metric``, ``labels``, ``seeds`` and ``bits``.
    """
    mean, std = mean_std(scores["distilled"])
    baselines = {}
    for name, size in sizes.items():
        value, spread = mean_std(scores[name])
        baselines[name] = {"mean": value, "std": spread, **size}
        if len(scores[name]) != len(scores["distilled"]):
            baselines[name]["networks"] = len(scores[name])
    random = baselines.get("random", {"mean": None, "std": None})
    full_mean, full_std = mean_std(scores["full"]) if "full" in scores else (None, None)
    row = {
        **about,
        "mean": mean,
        "std": std,
        "random_mean": random["mean"],
        "random_std": random["std"],
        "full_mean": full_mean,
        "full_std": full_std,
        "baselines": baselines,
    }
    if full_std is not None:
        row["full_networks"] = len(scores["full"])
    # Both of its terms are of hard labels; the full data has no others.
    hard = about["metric"] == "accuracy" and about.get("labels", "hard") == "hard"
    if hard and full_mean is not None and random["mean"] is not None:
        row["label_robust_score"] = label_robust_score(
            hard_label_recovery=full_mean - mean, improvement_over_random=mean - random["mean"]
        )
    return row


def mean_std(values: Sequence[float]) -> tuple[float, float | None]:
    """Return mean and sample standard deviation, the latter None for a single value."""
    return statistics.fmean(values), statistics.stdev(values) if len(values) > 1 else None
