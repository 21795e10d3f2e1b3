"""Harm: what is done to test images, by an adversary or by chance."""

from __future__ import annotations

from abc import abstractmethod
from typing import Annotated

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from hf_distill.data.spec import DataSpec
from hf_distill.errors import UserError
from hf_distill.options import Range
from hf_distill.parts import Part
from hf_distill.seeding import Streams

Levels = Annotated[float, Range(0, 255, above=True)]
"""How far a pixel is moved, in levels of 255."""


class Harm(Part):
    """A change of test images.

    Examples:
        >>> from hf_distill import FGSM, PGD, Robustness
        >>> Robustness(harms=[FGSM(eps=8), PGD(eps=8)], rows=200).harms[0].eps
        8
    """

    @property
    @abstractmethod
    def label(self) -> str:
        """What a table calls it."""

    @abstractmethod
    def apply(self, network: nn.Module, x: Tensor, y: Tensor, spec: DataSpec, streams: Streams) -> Tensor:
        """Return changed images.

        Args:
            network: What is to be misled, in evaluation mode; chance does not look at it.
            x: Images ``(B, C, H, W)`` in the network's units.
            y: Their classes ``(B,)``.
            spec: The data's specification: its statistics tell the units.
            streams: Randomness of this batch.

        Raises:
            UserError: A package is missing that it needs.
        """

    def check(self, spec: DataSpec) -> None:
        """Refuse data that it does not work on, or a missing package, before any work.

        Raises:
            UserError: The data are no images with classes.
        """
        if spec.kind != "image" or spec.target != "classes":
            raise UserError(f"evaluator.robustness changes images with classes, not {spec.contents()}: set it to null")


class Ball:
    """The images that an adversary may choose from: no pixel moves by more than ``eps``, and all can be stored.

    Args:
        x: Images ``(B, C, H, W)`` in the networks' units.
        eps: In levels of 255.
        spec: Whose units these are.
    """

    def __init__(self, x: Tensor, eps: float, spec: DataSpec) -> None:
        mean, std = spec.statistics(x)
        self.x = x
        self.level = 1 / (255 * std)
        self.eps = eps * self.level
        self.low, self.high = -mean / std, (1 - mean) / std

    def nearest(self, x: Tensor) -> Tensor:
        """Return the images of the ball that are closest to some."""
        moved = torch.maximum(torch.minimum(x, self.x + self.eps), self.x - self.eps)
        return torch.maximum(torch.minimum(moved, self.high), self.low)


def ascent(network: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    """Return the sign of the cross-entropy's gradient by every pixel: the direction in which the loss grows."""
    x = x.detach().requires_grad_()
    with torch.enable_grad():
        loss = F.cross_entropy(network(x), y, reduction="sum")
    return torch.autograd.grad(loss, x)[0].sign()


def in_levels(eps: float) -> str:
    """Return ``8/255``."""
    return f"{eps:g}/255"
