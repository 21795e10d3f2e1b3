"""Label-robust score: a number that neither soft labels nor a strong recipe can inflate."""

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
    alpha = weight * improvement_over_random - (1 - weight) * hard_label_recovery
    return (math.exp(alpha) - math.exp(-1)) / (math.e - math.exp(-1))
