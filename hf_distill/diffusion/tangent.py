"""Tangent spaces of a cloud of points, from few neighbours and without any D x D matrix."""

from __future__ import annotations

import torch
from torch import Tensor


def tangent_basis(neighbours: Tensor, dim: int) -> tuple[Tensor, Tensor]:
    """Return mean and main directions of points: ManifoldGD (arXiv 2602.23295), section on the local tangent space.

    The covariance of K points in D dimensions has a rank of K - 1 at most, so its leading eigenvectors are read off the
    K x K Gram matrix of the centred points; a ridge would add to all eigenvalues alike and change no direction.

    Args:
        neighbours: Points ``(B, K, D)``.
        dim: Directions; at most K - 1, since there are no more.

    Returns:
        Means ``(B, D)`` and orthonormal rows ``(B, dim, D)``; a direction without any spread is a row of zeros.
    """
    mean = neighbours.mean(1)
    centred = neighbours - mean[:, None]
    dim = min(dim, neighbours.shape[1] - 1, neighbours.shape[2])
    values, vectors = torch.linalg.eigh((centred @ centred.mT).double())  # ascending
    values, vectors = values[:, -dim:].flip(1), vectors[:, :, -dim:].flip(2)
    floor = values[:, :1].clamp_min(torch.finfo(torch.float32).tiny) * 1e-10
    scale = torch.where(values > floor, values.clamp_min(floor).rsqrt(), 0.0)
    return mean, (vectors * scale[:, None]).mT.to(neighbours) @ centred


def project(vectors: Tensor, basis: Tensor) -> Tensor:
    """Return the parts of vectors ``(B, D)`` in the spans of orthonormal rows ``(B, d, D)``: P_T of Eq. 4."""
    return ((vectors[:, None] @ basis.mT) @ basis)[:, 0]


def nearest(points: Tensor, cloud: Tensor, allowed: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """Return the ``k`` points of a cloud closest to one.

    Args:
        points: One point each, ``(B, D)``.
        cloud: Its candidates ``(B, N, D)``.
        allowed: Which of them count, ``(B, N)``; at least ``k`` in every row.
        k: How many.

    Returns:
        Neighbours ``(B, k, D)`` and the distance to the closest one ``(B,)``.
    """
    distance = torch.linalg.vector_norm(cloud - points[:, None], dim=2).masked_fill(~allowed, torch.inf)
    best, index = distance.topk(k, dim=1, largest=False)
    return cloud.gather(1, index[:, :, None].expand(-1, -1, cloud.shape[2])), best[:, 0]
