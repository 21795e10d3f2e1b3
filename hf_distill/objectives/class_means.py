"""Class means of features, distances to them, and the temperature at which they classify."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from hf_distill.data.batch import Batch, weighted_mean

_TINY = 1e-12


def class_means(features: Tensor, batch: Batch, classes: int) -> Tensor:
    """Return the weighted mean features of every class, ``sum(w f) / sum(w)``, ``(classes, F)``.

    Samples with soft labels count in every class by its probability. A class without samples has a mean of zero.

    Args:
        features: ``(B, F)``.
        batch: Labels and weights of the samples.
        classes: How many there are.
    """
    if batch.y.dim() == 2:
        member = batch.y * batch.w[:, None]
        total = member.sum(0)
        # Of a class without samples the shares have no gradient: it would be divided by next to nothing.
        return torch.where(total > _TINY, member / total.clamp_min(_TINY), 0.0).T @ features
    # Summed in place: a matrix of samples and classes would be the largest of all where there are many.
    total = batch.w.new_zeros(classes).index_add_(0, batch.y, batch.w).clamp_min(_TINY)
    shares = batch.w / total[batch.y]
    return features.new_zeros(classes, features.shape[1]).index_add(0, batch.y, features * shares[:, None])


def squared_distances(points: Tensor, centres: Tensor) -> Tensor:
    """Return the squared distance of every point ``(N, F)`` to every centre ``(C, F)``, ``(N, C)``."""
    return points.square().sum(1, keepdim=True) - 2 * points @ centres.T + centres.square().sum(1)


def calibrated_temperature(features: Tensor, batch: Batch, means: Tensor) -> Tensor:
    """Return the temperature of least weighted cross entropy for logits ``-||f - mean_c||^2 / temperature``.

    A sample's own class mean is taken without the sample. The loss is convex in the inverse temperature, so that its
    derivative, the mean distance from the own class less the expected one, is bisected.

    Args:
        features: Real features ``(N, F)``.
        batch: Classes and weights of the samples.
        means: Their class means ``(C, F)``.
    """
    distances = squared_distances(features, means)
    own, total = batch.y[:, None], batch.w.new_zeros(len(means)).index_add_(0, batch.y, batch.w)[batch.y]
    # A class of one sample has no other mean; its distance is zero.
    without = torch.where(total > batch.w, total / (total - batch.w), 1)
    distances = distances.scatter(1, own, distances.gather(1, own) * without[:, None] ** 2)
    least = distances.amin(1, keepdim=True)
    distances = distances - least  # the loss stays, and the exponentials are in range
    scale = distances.mean()
    low, high = -8.0, 8.0  # of the natural logarithm of the inverse temperature, in units of the mean distance
    for _ in range(24):
        middle = (low + high) / 2
        expected = ((-distances * math.exp(middle) / scale).softmax(1) * distances).sum(1)
        too_sharp = weighted_mean(distances.gather(1, own)[:, 0] - expected, batch.w).item() > 0
        low, high = (low, middle) if too_sharp else (middle, high)
    return scale / math.exp((low + high) / 2)
