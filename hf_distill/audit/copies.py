"""Copies: the samples of a set that are training rows, and those that nearly are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from hf_distill.audit.nearest import Nearest, copied, nearest_rows
from hf_distill.data.real import RealData
from hf_distill.features.base import Features
from hf_distill.hub.artifact import DistilledDataset


@dataclass(frozen=True)
class Copies:
    """What was found.

    Attributes:
        nearest: The closest training row of each sample.
        exact: The samples that are equal to one ``(M,)``.
        near: Those that are as close to one as few test rows are ``(M,)``.
        closeness: By which samples are ordered for a look, the closest first ``(M,)``.
        about: Counts and thresholds, JSON.
    """

    nearest: Nearest
    exact: Tensor
    near: Tensor
    closeness: Tensor
    about: dict[str, Any]

    def by_class(self, artifact: DistilledDataset) -> list[dict[str, Any]]:
        """Return the counts of each class."""
        spec = artifact.spec
        groups = spec.goal.group_of(artifact.y)
        counts = {"samples": torch.ones_like(self.exact), "exact": self.exact, "near": self.near}
        return [
            {
                "class": spec.classes[group] if spec.num_groups > 1 else "all",
                **{name: int(own[groups == group].sum()) for name, own in counts.items()},
            }
            for group in range(spec.num_groups)
        ]


def find_copies(
    artifact: DistilledDataset, real: RealData, features: Features, test: Tensor, neighbours: int, share: float
) -> Copies:
    """Compare the samples of a set with all training rows, and test rows likewise.

    Args:
        artifact: The set.
        real: The data that it was made from.
        features: The space of the distances.
        test: Numbers of the test rows that tell what is close.
        neighbours: See :class:`~hf_distill.audit.Audit`.
        share: The same.
    """
    samples, fresh = (
        nearest_rows(points, features, real.train, neighbours)
        for points in (features.of(artifact.x), features.rows(real.test, test))
    )
    distance, ratio = (float(torch.quantile(values, share)) for values in (fresh.distances, fresh.ratios))

    def close(found: Nearest) -> Tensor:
        return (found.distances < distance) & (found.ratios < ratio)

    exact = copied(artifact.stored, real.spec, real.train)
    near = close(samples) & ~exact
    about = {
        "samples": len(exact),
        "exact": int(exact.sum()),
        "near": int(near.sum()),
        "distance_below": distance,
        "ratio_below": ratio,
        "median_distance": float(samples.distances.median()),
        "test_rows": len(test),
        "test_rows_near": int(close(fresh).sum()),
        "test_median_distance": float(fresh.distances.median()),
    }
    closeness = samples.distances / max(about["test_median_distance"], 1e-12) + samples.ratios
    return Copies(samples, exact, near, closeness, about)
