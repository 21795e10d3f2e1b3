"""Architectures (what a YAML file names) and the classifiers that they build."""

from __future__ import annotations

from abc import abstractmethod

import torch
from torch import Tensor, nn

from hf_distill.parts import Part
from hf_distill.seeding import seeded


class FeatureNetwork(nn.Module):
    """What an architecture builds: logits from :meth:`forward`, and the features that they are made from."""

    def features(self, x: Tensor) -> Tensor:
        """Return the penultimate features ``(B, F)``."""
        raise NotImplementedError


class Classifier(FeatureNetwork):
    """A body that makes flat features and a linear head on them.

    Args:
        body: Maps ``(B, *shape)`` to features ``(B, F)``.
        feature_dim: ``F``.
        num_classes: Outputs of the head.
    """

    def __init__(self, body: nn.Module, feature_dim: int, num_classes: int) -> None:
        super().__init__()
        self.body = body
        self.head = nn.Linear(feature_dim, num_classes)

    def features(self, x: Tensor) -> Tensor:
        """Return the penultimate features ``(B, F)``."""
        return self.body(x)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits ``(B, classes)``."""
        return self.head(self.body(x))


class Architecture(Part):
    """The description of a network; :meth:`build` makes one for a shape and a number of classes."""

    @abstractmethod
    def build_body(self, shape: tuple[int, ...]) -> nn.Module:
        """Return the module from ``(B, *shape)`` to flat features ``(B, F)``."""

    def build(self, shape: tuple[int, ...], num_classes: int, seed: int) -> FeatureNetwork:
        """Return a freshly initialised network on the CPU, the same one for the same seed."""
        with seeded(seed):
            body = self.build_body(shape)
            with torch.no_grad():
                feature_dim = body.eval()(torch.zeros(1, *shape)).shape[1]
            return Classifier(body.train(), feature_dim, num_classes)

    @property
    def label(self) -> str:
        """Name in tables."""
        return type(self).__name__
