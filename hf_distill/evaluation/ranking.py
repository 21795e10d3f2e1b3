"""DD-Ranking's scores: numbers that neither soft labels nor a strong recipe can inflate."""

from __future__ import annotations

import math


def label_robust_score(*, hard_label_recovery: float, improvement_over_random: float, weight: float = 0.5) -> float:
    """Return DD-Ranking's LRS (arXiv 2505.13300), in [0, 1] for accuracies as fractions; larger is better.

    ``a = weight * IOR - (1 - weight) * HLR``, ``LRS = (e^a - e^-1) / (e - e^-1)``.

    Args:
        hard_label_recovery: HLR, accuracy of the full real data less that of the synthetic set, both with hard labels.
        improvement_over_random: IOR, accuracy of the synthetic set less that of random real samples, both with the
            same kind of labels.
        weight: Weight of IOR against HLR.
    """
    return _score(weight * improvement_over_random - (1 - weight) * hard_label_recovery)


def augmentation_robust_score(*, augmented: float, plain: float, weight: float = 0.5) -> float:
    """Return DD-Ranking's ARS, in [0, 1] for accuracies as fractions; larger is better.

    ``b = weight * augmented + (1 - weight) * plain``, ``ARS = (e^b - e^-1) / (e - e^-1)``.

    Args:
        augmented: Accuracy of the synthetic set less that of random real samples, both trained with augmentation.
        plain: The same without.
        weight: Weight of the first against the second.
    """
    return _score(weight * augmented + (1 - weight) * plain)


def _score(value: float) -> float:
    """Return a value in [-1, 1] as a score in [0, 1]."""
    return (math.exp(value) - math.exp(-1)) / (math.e - math.exp(-1))
