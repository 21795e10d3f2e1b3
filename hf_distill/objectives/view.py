"""View: one look of distribution matching at the real data."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from hf_distill.augment.base import AugmentParams
from hf_distill.networks.base import FeatureNetwork
from hf_distill.seeding import Streams


@dataclass(frozen=True)
class View:
    """One look at the real data: a network, an augmentation, and the class means that they give."""

    streams: Streams
    network: FeatureNetwork
    params: AugmentParams | None
    means: Tensor  # (classes or cells, F)
    spread: Tensor  # mean squared distance of a class mean from their centre
    unit: Tensor  # what the discrimination term measures squared distances in
    features: Tensor | None  # (about classes * real_per_class, F), where single samples are needed
    labels: Tensor | None  # the classes or cells of these, by their places among the means
    w: Tensor  # the weights of these
