"""FeatureMetrics: how far a set is from real data it has not seen, beside random real samples of equal count."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

import torch
from torch import Tensor

from hf_distill.data.real import RealData
from hf_distill.data.spec import DataSpec
from hf_distill.errors import UserError
from hf_distill.evaluation.baselines import random_samples
from hf_distill.evaluation.result import mean_std
from hf_distill.features.base import Extractor
from hf_distill.features.network import NetworkFeatures
from hf_distill.hub.artifact import DistilledDataset
from hf_distill.metrics.distances import (
    coverage,
    diversity,
    frechet_distance,
    median_gamma,
    representativeness,
    squared_mmd,
)
from hf_distill.networks.base import Architecture
from hf_distill.options import NotEmpty, PositiveInt, Range
from hf_distill.parts import Part
from hf_distill.seeding import Streams

FEATURE_METRICS = ("fid", "mmd", "representativeness", "diversity", "coverage")


class FeatureMetrics(Part):
    """Distances of real and made samples in a feature space; see :mod:`hf_distill.metrics.distances`.

    ``fid``, ``mmd`` (squared) and ``coverage`` are of the whole set; ``representativeness`` and ``diversity`` are the
    mean over its classes of their value in one. Every number depends on how many samples there are: read it beside that
    of random real samples of equal count.

    Args:
        extractor: The feature space; null for ``NetworkFeatures``.
        metrics: Any of ``fid``, ``mmd``, ``representativeness``, ``diversity``, ``coverage``.
        reference: The real samples to compare with. ``test`` is new to the set and to the random samples alike;
            ``train`` holds the random ones themselves, which are then perfectly representative.
        neighbours: k of ``coverage``.
        max_rows: Real samples to compare with at most, an even choice of the split's.

    Examples:
        In YAML:

            evaluator:
              class_path: ClassificationEvaluator
              init_args:
                feature_metrics: {extractor: PcaFeatures, metrics: [fid, coverage]}
    """

    def __init__(
        self,
        *,
        extractor: Extractor | None = None,
        metrics: Annotated[list[str], NotEmpty()] = list(FEATURE_METRICS),  # noqa: B006 - never changed
        reference: Literal["test", "train"] = "test",
        neighbours: PositiveInt = 5,
        max_rows: Annotated[int, Range(2, 10_000_000)] = 10_000,
    ) -> None:
        self.extractor = NetworkFeatures() if extractor is None else extractor
        self.metrics = metrics
        self.reference = reference
        self.neighbours = neighbours
        self.max_rows = max_rows

    def check(self, distilled: DistilledDataset) -> None:
        """Refuse what cannot be measured.

        Raises:
            UserError: A metric is unknown, or needs more samples of a class than there are.
        """
        for name in self.metrics:
            if name not in FEATURE_METRICS:
                raise UserError(f"feature metric {name!r} is unknown; choose some of {', '.join(FEATURE_METRICS)}")
        if "diversity" in self.metrics and int(torch.bincount(distilled.y).max()) < 2:
            raise UserError(
                "diversity compares two samples of a class or more, and the set has one: leave diversity out of "
                "feature_metrics.metrics"
            )

    def measure(
        self,
        distilled: DistilledDataset,
        real: RealData,
        network: Architecture,
        streams: Sequence[Streams],
        device: torch.device,
    ) -> dict[str, Any]:
        """Return the numbers of a set and of random real samples, and how they were measured, as JSON.

        Args:
            distilled: A published set.
            real: The data it was made from.
            network: The architecture that the evaluator trains first.
            streams: One draw of random samples each.
            device: Where to work.
        """
        self.check(distilled)
        spec = distilled.spec
        features = self.extractor.fit(real, spec=spec, network=network, device=device)
        split = real.test if self.reference == "test" else real.train
        rows = torch.linspace(0, len(split) - 1, min(len(split), self.max_rows)).long()
        reference = features.rows(split, rows).cpu()
        labels = split.labels[rows].cpu()
        gamma = median_gamma(reference) if "mmd" in self.metrics else 0.0

        def values(x: Tensor, y: Tensor) -> dict[str, float]:
            made = features.of(x).cpu()
            return self._values(reference, labels, made, y.cpu(), gamma, spec)

        draws = [random_samples(real, spec, len(distilled), own).batch for own in streams]
        random = [values(draw.x, draw.y) for draw in draws]
        own = values(distilled.x, distilled.y)
        return {
            "protocol": {
                "extractor": {**self.extractor.config(), **features.about},
                "reference": f"{self.reference} split, {len(rows)} rows",
                "neighbours": self.neighbours,
                "features": reference.shape[1],
                "random": "real training samples of equal count, a fresh draw for each seed",
                "samples": len(distilled),
            },
            "rows": [
                {
                    "metric": name,
                    "distilled": own[name],
                    **dict(zip(("random_mean", "random_std"), spread, strict=True)),
                }
                for name in self.metrics
                for spread in [mean_std([draw[name] for draw in random])]
            ],
        }

    def _values(
        self, real: Tensor, real_labels: Tensor, made: Tensor, labels: Tensor, gamma: float, spec: DataSpec
    ) -> dict[str, float]:
        pairs = [(real[real_labels == label], made[labels == label]) for label in range(spec.num_groups)]
        functions = {
            "fid": lambda: frechet_distance(real, made),
            "mmd": lambda: squared_mmd(real, made, gamma),
            "coverage": lambda: coverage(real, made, self.neighbours),
            "representativeness": lambda: _mean(representativeness(r, m) for r, m in pairs if len(r) and len(m)),
            "diversity": lambda: _mean(diversity(m) for _, m in pairs if len(m) > 1),
        }
        return {name: functions[name]() for name in self.metrics}


def _mean(values: Any) -> float:
    return mean_std(list(values))[0]
