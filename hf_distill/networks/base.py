"""Architectures (what a YAML file names) and the classifiers that they build."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from hf_distill.parts import Part
from hf_distill.seeding import seeded


class Inputs(Protocol):
    """What a network must know of its inputs and outputs: what a ``DataSpec`` says.

    Attributes:
        kind: What an input is, ``image`` for example.
        shape: The shape of one.
        num_outputs: Outputs of the network.
        about: Facts of the kind, a vocabulary for example.
    """

    @property
    def kind(self) -> str: ...  # noqa: D102
    @property
    def shape(self) -> tuple[int, ...]: ...  # noqa: D102
    @property
    def num_outputs(self) -> int: ...  # noqa: D102
    @property
    def about(self) -> dict[str, Any]: ...  # noqa: D102


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

    Examples:
        >>> import torch
        >>> from torch import nn
        >>> from hf_distill import Classifier
        >>> network = Classifier(nn.Flatten(), feature_dim=64, num_classes=10)
        >>> network(torch.zeros(2, 1, 8, 8)).shape, network.features(torch.zeros(2, 1, 8, 8)).shape
        (torch.Size([2, 10]), torch.Size([2, 64]))
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
    """The description of a network; :meth:`build` makes one for a shape and a number of classes.

    Examples:
        >>> from hf_distill import ConvNet, RealData
        >>> network = ConvNet(width=16, depth=2).build_for(RealData().setup().spec, seed=0)
        >>> network.head.out_features
        10
    """

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

    def build_for(self, spec: Inputs, seed: int) -> FeatureNetwork:
        """Return :meth:`build`'s network for some data; an architecture that must know more of them overrides this."""
        return self.build(spec.shape, spec.num_outputs, seed)

    @property
    def label(self) -> str:
        """Name in tables."""
        return type(self).__name__
