from __future__ import annotations

import pytest

from hf_distill.evaluation.ranking import label_robust_score


@pytest.mark.parametrize(
    "hlr, ior, expected",
    [
        (0.14, -0.08, 0.22462311006004082),
        (0, 1, 0.5449457660765888),
        (0.5, 0, 0.17483020955155323),
        (-1, 1, 1),
        (1, -1, 0),
    ],
)
def test_values_of_the_reference(hlr, ior, expected):
    score = label_robust_score(hard_label_recovery=hlr, improvement_over_random=ior)
    assert score == pytest.approx(expected, abs=1e-12)
