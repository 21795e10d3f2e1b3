"""Metrics of real values and of several labels a row."""

from __future__ import annotations

import torch
from torch import Tensor


def mse(outputs: Tensor, y: Tensor) -> float:
    """Return the mean squared error of values ``(N, outputs)``, in units of the training rows' variances."""
    return (outputs.double() - y.double()).square().mean().item()


def mae(outputs: Tensor, y: Tensor) -> float:
    """Return the mean absolute error of values ``(N, outputs)``, in units of the training rows' deviations."""
    return (outputs.double() - y.double()).abs().mean().item()


def r2(outputs: Tensor, y: Tensor) -> float:
    """Return the share of the variance that is explained, the mean over the outputs: 1 less squared errors by it."""
    y = y.double()
    errors, spread = (outputs.double() - y).square().sum(0), (y - y.mean(0)).square().sum(0)
    return (1 - errors / spread.clamp_min(1e-30)).mean().item()


def label_f1(logits: Tensor, y: Tensor) -> float:
    """Return the mean over labels of the F1 score of what is likelier than not, labels that no row has left out."""
    found, there = (logits > 0).double(), y.double()
    right, total = (found * there).sum(0), found.sum(0) + there.sum(0)
    present = there.sum(0) > 0
    return (2 * right / total.clamp_min(1))[present].mean().item()


def mean_average_precision(logits: Tensor, y: Tensor) -> float:
    """Return the mean over labels of the average precision: of its precision at each row that has it, best rows first.

    Labels that no row has are left out. Rows of equal logits are in their order.
    """
    order = logits.argsort(dim=0, descending=True, stable=True)
    there = y.double().gather(0, order)
    precision = there.cumsum(0) / torch.arange(1, len(y) + 1, dtype=torch.float64, device=y.device)[:, None]
    count = there.sum(0)
    return ((precision * there).sum(0) / count.clamp_min(1))[count > 0].mean().item()
