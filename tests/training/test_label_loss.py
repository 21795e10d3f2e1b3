"""Values of the reference implementations on inputs that anyone can rebuild."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from hf_distill.errors import UserError
from hf_distill.training.label_loss import label_loss


def wave(phase):
    return 3 * torch.sin(0.37 * torch.arange(40, dtype=torch.float64) + phase).float().reshape(4, 10)


STUDENT, TEACHER, LABELS = wave(0.2), wave(2.0), torch.tensor([0, 3, 5, 9])


@pytest.mark.parametrize("temperature, scale, expected", [(4, 16, 3.3745484352111816), (20, 1, 0.008718758821487427)])
def test_kl(temperature, scale, expected):
    loss = label_loss(STUDENT, TEACHER.softmax(1), "kl", temperature).mean() * scale
    assert loss.item() == pytest.approx(expected, rel=1e-4)


def test_soft_cross_entropy():
    assert label_loss(STUDENT, TEACHER.softmax(1)).mean().item() == pytest.approx(4.047024726867676, rel=1e-5)


def test_hard_labels_are_one_hot_soft_labels():
    hard = label_loss(STUDENT, LABELS)
    torch.testing.assert_close(hard, F.cross_entropy(STUDENT, LABELS, reduction="none"))
    torch.testing.assert_close(hard, label_loss(STUDENT, F.one_hot(LABELS, 10).float()))
    torch.testing.assert_close(hard, label_loss(STUDENT, F.one_hot(LABELS, 10).float(), "kl"))


def test_kl_needs_soft_labels():
    with pytest.raises(UserError, match="soft labels"):
        label_loss(STUDENT, LABELS, "kl")
