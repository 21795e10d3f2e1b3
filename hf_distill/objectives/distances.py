"""Distances between the real and the synthetic samples of a class, by class means of what is made of their features."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

Distance = Literal["mean", "mmd", "characteristic"]

# Bandwidths of the five kernels of M3D, in units of the mean squared distance of two samples.
_BANDWIDTHS = (0.25, 0.5, 1.0, 2.0, 4.0)
# Directions of a view: as many for each kernel.
_DIRECTIONS = 256 * len(_BANDWIDTHS)
# Under the root, which has no derivative at zero.
_TINY = 1e-12


@dataclass(frozen=True)
class Waves:
    """Features ``f`` as ``cos(f t)`` and ``sin(f t)`` along random directions ``t``.

    The class means of these are the characteristic function of the class at ``t``. Their mean squared difference has
    the squared maximum mean discrepancy for its expectation, of the kernel whose Fourier transform ``t`` is drawn from
    (Rahimi and Recht, Random Features for Large-Scale Kernel Machines, NIPS 2007). So a distance of all samples costs
    no more than one of means, with weights and soft labels, and new directions in every view make up for their number.

    Attributes:
        directions: ``(F, K)``.
        unit: Features are divided by their lengths first.
    """

    directions: Tensor
    unit: bool

    @classmethod
    def drawn(cls, distance: Distance, features: Tensor, w: Tensor, generator: torch.Generator) -> Waves:
        """Draw directions for some features.

        Args:
            distance: ``characteristic`` draws from a normal distribution, for features of length 1; ``mmd`` for the
                mean of five kernels ``exp(-|f - g|^2 / b)``, where ``b`` are shares of the features' mean squared
                distance.
            features: Real ones, ``(N, F)``.
            w: Their weights, ``(N,)``.
            generator: The source of randomness.
        """
        directions = torch.randn(features.shape[1], _DIRECTIONS, generator=generator).to(features)
        if distance == "characteristic":
            return cls(directions, unit=True)
        shares = w / w.sum()
        apart = 2 * shares @ (features - shares @ features).square().sum(1)
        bandwidths = apart * features.new_tensor(_BANDWIDTHS).repeat_interleave(_DIRECTIONS // len(_BANDWIDTHS))
        return cls(directions * (2 / bandwidths).sqrt(), unit=False)

    def __call__(self, features: Tensor) -> Tensor:
        """Return all cosines and then all sines, ``(B, 2 K)``."""
        features = F.normalize(features, dim=1) if self.unit else features
        angles = features @ self.directions
        return torch.cat([angles.cos(), angles.sin()], 1)


def differences(ours: Tensor, theirs: Tensor, distance: Distance) -> Tensor:
    """Return a distance for each of several means, ``(C,)``.

    Args:
        ours: ``(C, F)``, or ``(C, 2 K)`` where the features are waves.
        theirs: The same of the other side.
        distance: ``mean``: the squared distance. ``mmd``: the mean over directions of the squared difference.
            ``characteristic``: the mean over directions of the difference's absolute value.
    """
    squares = (ours - theirs).square()
    if distance == "mean":
        return squares.sum(1)
    squares = squares.unflatten(1, (2, -1)).sum(1)
    return squares.mean(1) if distance == "mmd" else (squares + _TINY).sqrt().mean(1)
