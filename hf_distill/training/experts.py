"""Experts: trained networks that take some data's inputs and say its classes."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from hf_distill.data.spec import DataSpec
from hf_distill.errors import UserError
from hf_distill.networks.base import FeatureNetwork

# Samples of one forward pass: on a CPU more leave its cache.
_BATCH = 256


@dataclass(frozen=True)
class Experts:
    """An ensemble of trained networks, in evaluation mode.

    Attributes:
        networks: Each maps normalised inputs of the data ``(B, *shape)`` to logits of its classes ``(B, classes)``.
        source: Where they are from, or how they were trained.
    """

    networks: Sequence[nn.Module]
    source: str

    @torch.no_grad()
    def probabilities(self, x: Tensor) -> Tensor:
        """Return the mean of the networks' class probabilities ``(B, classes)``."""
        device = next(self.networks[0].parameters()).device
        return torch.cat([self._probabilities(part.to(device)) for part in x.split(_BATCH)])

    def _probabilities(self, x: Tensor) -> Tensor:
        total = self.networks[0](x).softmax(1)
        for network in self.networks[1:]:
            total += network(x).softmax(1)
        return total / len(self.networks)

    def identity(self) -> dict[str, Any]:
        """Return what tells them from all others, JSON: ``source``, ``sha256`` of their weights, and their ``bits``."""
        digest, bits = hashlib.sha256(), 0
        for network in self.networks:
            for value in (network.network if isinstance(network, Adapted) else network).state_dict().values():
                digest.update(value.cpu().numpy().tobytes())
                bits += 8 * value.numel() * value.element_size()
        return {"source": self.source, "sha256": digest.hexdigest(), "bits": bits}


class Adapted(FeatureNetwork):
    """A network that was trained in other units, or with its classes in another order.

    Args:
        network: The network.
        own: Mean and deviation that its inputs were normalised with, in units of ``spec``'s.
        spec: The data whose inputs it is given.
        outputs: Its output for each class of the data; None where they are alike.
    """

    scale: Tensor
    shift: Tensor

    def __init__(
        self,
        network: nn.Module,
        own: tuple[Sequence[float], Sequence[float]],
        spec: DataSpec,
        outputs: Sequence[int] | None,
    ) -> None:
        super().__init__()
        self.network = network
        size = spec.form.statistics_shape(spec)
        here, there = ([torch.tensor(part).reshape(size) for part in pair] for pair in ((spec.mean, spec.std), own))
        self.register_buffer("scale", here[1] / there[1])
        self.register_buffer("shift", (here[0] - there[0]) / there[1])
        self.outputs = None if outputs is None else list(outputs)

    def features(self, x: Tensor) -> Tensor:
        """Return the penultimate features ``(B, F)``."""
        if not isinstance(self.network, FeatureNetwork):
            raise UserError(f"a {type(self.network).__name__} gives no features")
        return self.network.features(x * self.scale + self.shift)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits of the data's classes ``(B, classes)``."""
        logits = self.network(x * self.scale + self.shift)
        return logits if self.outputs is None else logits[:, self.outputs]
