"""Losses of soft labels; the values of the reference implementations are in tests/test_conformance.py."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from hf_distill.errors import UserError
from hf_distill.training.label_loss import label_loss


def wave(phase):
    return 3 * torch.sin(0.37 * torch.arange(40, dtype=torch.float64) + phase).float().reshape(4, 10)


STUDENT, TEACHER, LABELS = wave(0.2), wave(2.0), torch.tensor([0, 3, 5, 9])


def test_hard_labels_are_one_hot_soft_labels():
    hard = label_loss(STUDENT, LABELS)
    torch.testing.assert_close(hard, F.cross_entropy(STUDENT, LABELS, reduction="none"))
    torch.testing.assert_close(hard, label_loss(STUDENT, F.one_hot(LABELS, 10).float()))
    torch.testing.assert_close(hard, label_loss(STUDENT, F.one_hot(LABELS, 10).float(), "kl"))


def test_squared_errors_to_log_probabilities_and_the_likeliest_class():
    target = TEACHER.softmax(1)
    expected = F.mse_loss(STUDENT, target.log()) + 0.025 * F.cross_entropy(STUDENT, TEACHER.argmax(1))
    torch.testing.assert_close(label_loss(STUDENT, target, "mse_gt").mean(), expected)


@pytest.mark.parametrize("kind", ["kl", "mse_gt"])
def test_a_teachers_losses_need_soft_labels(kind):
    with pytest.raises(UserError, match=f"{kind} needs soft labels"):
        label_loss(STUDENT, LABELS, kind)
