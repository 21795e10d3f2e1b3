"""Augment: what is done to inputs at random, alike on two batches where that is asked for."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from hf_distill.parts import Part


@dataclass(frozen=True)
class AugmentParams:
    """Drawn augmentations: the operations in their order, each with its uniform draws.

    Attributes:
        draws: Pairs of an operation's name and numbers in [0, 1) of shape ``(B, n)``, one row an input, or ``(1, n)``
            for the whole batch.
    """

    draws: tuple[tuple[str, Tensor], ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the operations."""
        return tuple(name for name, _ in self.draws)

    @staticmethod
    def cat(params: Sequence[AugmentParams]) -> AugmentParams:
        """Join the rows of several draws of the same operations, so that one call augments all of their inputs."""
        names = params[0].names
        if any(p.names != names for p in params):
            raise ValueError("only draws of the same operations can be joined")
        return AugmentParams(tuple((n, torch.cat([p.draws[i][1] for p in params])) for i, n in enumerate(names)))


class Augment(Part):
    """A differentiable augmentation of one kind of inputs.

    Draw parameters once with :meth:`sample` and give them to :meth:`apply` for the real and for the synthetic batch.

    Attributes:
        kinds: Kinds of inputs that it works on.
        noun: These, in messages.
        mixes: It makes one input of two, whose label is neither's.

    Examples:
        >>> import torch
        >>> from hf_distill import SiameseAugment
        >>> augment, images = SiameseAugment(strategy="flip"), torch.rand(4, 1, 8, 8)
        >>> drawn = augment.sample(torch.Generator().manual_seed(0))  # one draw, for real and synthetic images alike
        >>> augment.apply(images, drawn).shape
        torch.Size([4, 1, 8, 8])
    """

    kinds: ClassVar[tuple[str, ...]]
    noun: ClassVar[str]
    mixes: bool = False

    def unmixed(self) -> Augment:
        """Return the same without mixtures of inputs."""
        return self

    @abstractmethod
    def sample(self, generator: torch.Generator, count: int | None = None) -> AugmentParams:
        """Draw parameters.

        Args:
            generator: Generator on the CPU; the same state gives the same parameters.
            count: Inputs that get a parameter each; None draws one for the whole batch (siamese).

        Returns:
            What :meth:`apply` takes, on the CPU.
        """

    @abstractmethod
    def apply(self, x: Tensor, params: AugmentParams) -> Tensor:
        """Augment inputs ``(B, *shape)``, differentiably; same shape and type.

        Args:
            x: Inputs in the networks' units.
            params: From :meth:`sample`, with one row, or one row an input.
        """
