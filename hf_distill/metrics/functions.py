"""The metrics' arithmetic."""

from __future__ import annotations

import torch
from torch import Tensor

from hf_distill.errors import UserError


def accuracy(logits: Tensor, labels: Tensor) -> float:
    """Return the share of samples whose largest logit is their class's."""
    return (logits.argmax(1) == labels).double().mean().item()


def top3_accuracy(logits: Tensor, labels: Tensor) -> float:
    """Return the share of samples whose class is among the three largest logits."""
    return _top(3, logits, labels)


def top5_accuracy(logits: Tensor, labels: Tensor) -> float:
    """Return the share of samples whose class is among the five largest logits."""
    return _top(5, logits, labels)


def _top(count: int, logits: Tensor, labels: Tensor) -> float:
    best = logits.topk(min(count, logits.shape[1]), dim=1).indices
    return (best == labels[:, None]).any(1).double().mean().item()


def balanced_accuracy(logits: Tensor, labels: Tensor) -> float:
    """Return the mean over the classes that occur of the share of their samples that are found."""
    return class_accuracies(logits, labels).nanmean().item()


def class_accuracies(logits: Tensor, labels: Tensor) -> Tensor:
    """Return the share of the samples of each class that are found ``(classes,)``; NaN where there are none."""
    counts = torch.bincount(labels, minlength=logits.shape[1])
    found = torch.bincount(labels[logits.argmax(1) == labels], minlength=logits.shape[1])
    return found.double() / counts


def sensitivity(logits: Tensor, labels: Tensor) -> float:
    """Return the share of the samples of the second of two classes that are found: of the ill, who is called ill."""
    return _of_two(logits, labels)[1].item()


def specificity(logits: Tensor, labels: Tensor) -> float:
    """Return the share of the samples of the first of two classes that are found: of the well, who is called well."""
    return _of_two(logits, labels)[0].item()


def _of_two(logits: Tensor, labels: Tensor) -> Tensor:
    if logits.shape[1] != 2:
        raise UserError(
            f"sensitivity and specificity are of two classes, not of {logits.shape[1]}: choose balanced_accuracy"
        )
    return class_accuracies(logits, labels)


def macro_f1(logits: Tensor, labels: Tensor) -> float:
    """Return the mean over classes of the harmonic mean of precision and recall; classes that
    neither occur nor are predicted are left out."""
    classes = logits.shape[1]
    confusion = (
        torch.bincount(labels * classes + logits.argmax(1), minlength=classes**2).view(classes, classes).double()
    )
    right = confusion.diagonal()
    present = confusion.sum(0) + confusion.sum(1)
    return (2 * right / present)[present > 0].mean().item()
