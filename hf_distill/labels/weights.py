"""Weights: how much each sample of a set counts."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

from torch import Tensor, nn

from hf_distill.parts import Part

#: The least stored weight that counts: a reader divides by their mean.
LEAST = 1e-6


class Weights(nn.Module, Part):
    """What a set stores of its samples' weights. Those that are read are positive and average 1.

    Attributes:
        lr: Learning rate of what is learned, in units of the method's.

    Examples:
        >>> import torch
        >>> from hf_distill import FixedWeights
        >>> weights = FixedWeights()
        >>> weights.initialize(torch.tensor([1.0, 3.0]))
        >>> weights.decode(weights.codes())
        tensor([0.5000, 1.5000])
    """

    __repr__ = Part.__repr__  # by its options, not by its modules

    #: The name of what :meth:`codes` returns.
    NAME: ClassVar[str] = "weights"
    lr: float = 1.0

    @abstractmethod
    def initialize(self, w: Tensor) -> None:
        """Start from weights ``(M,)``."""

    @abstractmethod
    def values(self) -> Tensor:
        """Return what is stored, ``(M,)``, differentiable where it is learned."""

    def codes(self) -> dict[str, Tensor]:
        """Return ``{"weights": (M,)}``."""
        return {self.NAME: self.values()}

    def decode(self, codes: dict[str, Tensor]) -> Tensor:
        """Return the weights ``(M,)``, which average 1.

        Args:
            codes: What :meth:`codes` returns, or the same quantized.
        """
        stored = codes[self.NAME].clamp_min(LEAST)
        return stored / stored.mean()

    @abstractmethod
    def keep(self, index: Tensor) -> None:
        """Leave out all samples but some, by their numbers."""

    def project(self) -> None:
        """Move what is learned back to where it can be read; called after every optimiser step."""
