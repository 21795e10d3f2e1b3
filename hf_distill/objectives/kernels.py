"""Kernel ridge regression in closed form, and the kernel of an infinitely wide network."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d


def ridge_prediction(between: Tensor, within: Tensor, targets: Tensor, w: Tensor, ridge: float) -> Tensor:
    """Return what kernel ridge regression on some samples says of others, ``K_ts (K_ss + r D)^-1 y``, ``(B, outputs)``.

    It minimises ``sum_i w_i (f(s_i) - y_i)^2 + r |f|^2``, so that a weight of two is the sample twice: ``D`` holds the
    inverse weights. ``K_ss`` is close to singular: give kernels in double precision (:func:`precise`).

    Args:
        between: The kernel of the others and of the samples, ``(B, M)``.
        within: That of the samples, ``(M, M)``.
        targets: Theirs, ``(M, outputs)``.
        w: Their weights, ``(M,)``.
        ridge: ``r``, in units of the weighted mean of ``K_ss``'s diagonal.
    """
    level = ridge * (within.diagonal() * w).sum() / w.sum()
    factor, failed = torch.linalg.cholesky_ex(within + torch.diag(level / w.clamp_min(1e-6)))
    factor = factor.masked_fill(failed > 0, math.nan)  # a loss that is no number is told in one line
    return between @ torch.cholesky_solve(targets.to(within), factor)


def precise(values: Tensor) -> Tensor:
    """Return values in double precision where the device has that."""
    return values if values.device.type == "mps" else values.double()


def tangent_kernel(x: Tensor, y: Tensor, depth: int = 1, window: int | None = None) -> Tensor:
    """Return the neural tangent kernel of a ReLU network with infinitely wide hidden layers, ``(B, M)``.

    Weights have variance 2 and biases 0.1^2, as in KIP. With the covariance of a layer, of which ``s`` is the product
    of both lengths and ``a`` the angle, the next one has the covariance ``k = s (sin a + (pi - a) cos a) / pi + 0.01``
    and the derivative ``(pi - a) / pi``, by which the kernel so far counts beside ``k`` (Cho and Saul, NIPS 2009;
    Jacot, Gabriel and Hongler, NeurIPS 2018). A convolution takes the mean of both over its window, at every place
    alone, and the last layer, which is connected to all places, their mean (Arora et al., On Exact Computation with an
    Infinitely Wide Neural Net, NeurIPS 2019). Nothing is pooled: that would need the covariance of every two places.

    Args:
        x: ``(B, ...)``, images ``(B, C, H, W)`` for convolutions.
        y: ``(M, ...)``.
        depth: Hidden layers.
        window: Side of the convolutions that they are, odd, with zeros around the image; null for layers that are
            connected to all.
    """
    if window is None:
        x, y = (side.flatten(1)[..., None, None] for side in (x, y))
    bias = 0.01

    def layer(covariance: Tensor) -> Tensor:
        return covariance if window is None else avg_pool2d(covariance, window, stride=1, padding=window // 2)

    kernel = covariance = layer(2 * torch.einsum("bchw,mchw->bmhw", x, y) / x.shape[1]) + bias
    squares = [layer(2 * side.square().mean(1)) + bias for side in (x, y)]
    most = 1 - 8 * torch.finfo(x.dtype).eps  # where the angle has a derivative
    for hidden in range(depth):
        size = squares[0].sqrt()[:, None] * squares[1].sqrt()
        cosine = (covariance / size).clamp(-most, most)
        share = (math.pi - cosine.acos()) / math.pi
        covariance = size * ((1 - cosine.square()).sqrt() / math.pi + share * cosine)
        kernel = covariance + share * kernel
        if hidden < depth - 1:
            covariance, kernel = layer(covariance) + bias, layer(kernel) + bias
            squares = [layer(square) + bias for square in squares]
    return kernel.mean((2, 3)) + bias
