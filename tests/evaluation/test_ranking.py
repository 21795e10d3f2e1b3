from __future__ import annotations

import pytest

from hf_distill.evaluation.ranking import label_robust_score


@pytest.mark.parametrize(
    "hlr, ior, expected",
    [
        (-1, 1, 1),
        (1, -1, 0),
    ],
)
def test_the_ends_of_the_range(hlr, ior, expected):
    score = label_robust_score(hard_label_recovery=hlr, improvement_over_random=ior)
    assert score == pytest.approx(expected, abs=1e-12)
