"""Losses of soft labels; the values of the reference implementations are in tests/test_conformance.py."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional as F

from hf_distill.errors import UserError
from hf_distill.training import KL, CrossEntropy, LogitError, MeanSquared, Pinball


def wave(phase):
    return 3 * torch.sin(0.37 * torch.arange(40, dtype=torch.float64) + phase).float().reshape(4, 10)


STUDENT, TEACHER, LABELS = wave(0.2), wave(2.0), torch.tensor([0, 3, 5, 9])


def test_hard_labels_are_one_hot_soft_labels():
    hard = CrossEntropy().losses(STUDENT, LABELS)
    torch.testing.assert_close(hard, F.cross_entropy(STUDENT, LABELS, reduction="none"))
    torch.testing.assert_close(hard, CrossEntropy().losses(STUDENT, F.one_hot(LABELS, 10).float()))
    torch.testing.assert_close(hard, KL().losses(STUDENT, F.one_hot(LABELS, 10).float()))


def test_squared_errors_to_log_probabilities_and_the_likeliest_class():
    target = TEACHER.softmax(1)
    expected = F.mse_loss(STUDENT, target.log()) + 0.025 * F.cross_entropy(STUDENT, TEACHER.argmax(1))
    torch.testing.assert_close(LogitError().losses(STUDENT, target).mean(), expected)


@pytest.mark.parametrize("kind", [KL, LogitError])
def test_a_teachers_losses_need_soft_labels(kind):
    with pytest.raises(UserError, match=f"{kind.__name__} needs soft labels.*set recipe.loss to CrossEntropy"):
        kind().losses(STUDENT, LABELS)


def test_what_guessing_costs():
    """Uniform logits for classes, a constant for logits, zero for z-scored values."""
    assert CrossEntropy().guessing(STUDENT, LABELS) == pytest.approx(math.log(10))
    assert KL(temperature=4).guessing(STUDENT, TEACHER.softmax(1)) == pytest.approx(math.log(10))
    spread = TEACHER.log_softmax(1).var().item() + 0.025 * math.log(10)
    assert LogitError().guessing(STUDENT, TEACHER.softmax(1)) == pytest.approx(spread)
    values = torch.tensor([[[3.0], [5.0]]])
    assert MeanSquared().guessing(values, values) == 17 and MeanSquared().guessing(values, values / 9) == 1
    assert MeanSquared().losses(values, values - 2).tolist() == [4]


def test_pinball_is_least_at_the_quantiles():
    y = torch.arange(1.0, 100.0)[:, None]  # 25, 50 and 75 are its quartiles
    cost = lambda quartiles: Pinball().losses(torch.tensor(quartiles).expand(99, 1, 3), y).mean()  # noqa: E731
    best = cost([25.0, 50.0, 75.0])
    for place in range(3):
        for step in (-2.0, 2.0):
            moved = [25.0, 50.0, 75.0]
            moved[place] += step
            assert cost(moved) > best
    with pytest.raises(UserError, match="wrap the network in QuantileForecaster"):
        Pinball().losses(y, y)
