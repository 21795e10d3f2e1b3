"""View: one look at the real data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from hf_distill.augment.base import AugmentParams
from hf_distill.data.batch import Batch, weighted_mean
from hf_distill.networks.base import FeatureNetwork
from hf_distill.objectives.class_means import calibrated_temperature, class_means, squared_distances
from hf_distill.objectives.distances import Distance, Waves, differences
from hf_distill.seeding import Streams


@dataclass(frozen=True)
class Eyes:
    """What a view is seen through.

    Attributes:
        streams: Those of the step at which it was made.
        network: Makes the features.
        params: Of the augmentation, the same for both sides.
        judge: A network that is trained on the real data, where one is needed.
    """

    streams: Streams
    network: FeatureNetwork
    params: AugmentParams | None
    judge: nn.Module | None


@dataclass(frozen=True)
class View:
    """One look at the real data, and the class means that it gives.

    Attributes:
        eyes: What it is seen through.
        means: Class means (or those of cells) of the features, ``(C, F)``, or of their waves.
        spread: Mean distance of these means from their centre; of a single one, from zero.
        unit: What the discrimination term measures squared distances in.
        waves: What is made of features before they are averaged.
        samples: Features and places of single samples, where the discrimination term needs them.
    """

    eyes: Eyes
    means: Tensor
    spread: Tensor
    unit: Tensor
    waves: Waves | None = None
    samples: Batch | None = field(default=None, kw_only=True)

    @classmethod
    def of(cls, eyes: Eyes, centres: Tensor, chunks: Sequence[Batch], distance: Distance, unit: str | None) -> View:
        """Make the view of some real samples.

        Args:
            eyes: What it is seen through.
            centres: Class means of their features, ``(C, F)``.
            chunks: Features of all samples of a few classes each, where single samples are needed.
            distance: Of the means.
            unit: Of the discrimination term, ``spread`` or ``calibrated``; None where there is no such term.
        """
        means, waves = centres, None
        if distance != "mean":
            features, w = (torch.cat([getattr(chunk, name) for chunk in chunks]) for name in ("x", "w"))
            waves = Waves.drawn(distance, features, w, eyes.streams.generator("directions"))
            means = torch.cat([means_of(waves(chunk.x), chunk) for chunk in chunks])
        spread, plain = (differences(c, _centre(c), d).mean() for c, d in ((means, distance), (centres, "mean")))
        if unit is None:
            return cls(eyes, means, spread, plain, waves)
        samples = Batch(*(torch.cat([getattr(chunk, name) for chunk in chunks]) for name in ("x", "y", "w")))
        if unit == "calibrated" and len(centres) > 1:
            plain = calibrated_temperature(samples.x, samples, centres)
        return cls(eyes, means, spread, plain, waves, samples=samples)

    def discrimination(self, means: Tensor, temperature: float) -> Tensor:
        """Return the loss with which the class means of a set classify the real samples."""
        assert self.samples is not None
        logits = -squared_distances(self.samples.x, means) / (temperature * self.unit)
        return weighted_mean(F.cross_entropy(logits, self.samples.y, reduction="none"), self.samples.w)


def _centre(means: Tensor) -> Tensor:
    """Return what means are measured from: a single one, which is its own centre, from zero."""
    return means.mean(0) if len(means) > 1 else torch.zeros_like(means[0])


def means_of(features: Tensor, batch: Batch) -> Tensor:
    """Return the class means of all samples of a few consecutive classes, in their order."""
    first, last = int(batch.y[0]), int(batch.y[-1])
    return class_means(features, Batch(batch.x, batch.y - first, batch.w), last - first + 1)


def with_features(network: nn.Module) -> FeatureNetwork:
    """Return a network as what every architecture builds."""
    assert isinstance(network, FeatureNetwork)
    return network
