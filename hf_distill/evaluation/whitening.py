"""Sets as networks see them that are trained on whitened images."""

from __future__ import annotations

import copy

from hf_distill.exchange.whitening import WhitenedSpec
from hf_distill.hub.artifact import DistilledDataset


def whitened_set(artifact: DistilledDataset, spec: WhitenedSpec) -> DistilledDataset:
    """Return a set with whitened inputs: its exact samples, which no rounding or clipping has touched.

    Args:
        artifact: The set.
        spec: By what it is whitened.
    """
    x = artifact.exact().x
    mean, std = artifact.spec.statistics(x)
    other = copy.copy(artifact)
    other.x, other.spec = spec.normalize((x * std + mean) * 255), spec
    return other
