"""What logit adjustment adds is the logarithm of the shares, and a network loses its bias by it."""

import math

import pytest
import torch

from hf_distill import MLP, Adam, CrossEntropy, LogitAdjusted, LowCurvature, RealData, Recipe, Teacher
from hf_distill.errors import UserError
from hf_distill.evaluation.teaching import Teaching
from hf_distill.metrics import balanced_accuracy
from tests.evaluation.sets import vectors


@pytest.fixture(scope="module")
def real():
    return RealData.from_dataset(vectors(300, 0), vectors(300, 1), imbalance_factor=25).setup()


def test_logits_move_by_the_shares(real):
    outputs, y = torch.randn(4, 3, generator=torch.Generator().manual_seed(0)), torch.tensor([0, 1, 2, 2])
    counts = real.spec.class_counts
    assert counts == (100, 20, 4)
    moved = outputs + torch.tensor([2 * math.log(count / 124) for count in counts])
    for loss in (LogitAdjusted(tau=2.0), LowCurvature(loss=LogitAdjusted(tau=2.0))):
        torch.testing.assert_close(loss.suited(real.spec).losses(outputs, y), CrossEntropy().losses(moved, y))


def test_a_teacher_finds_what_is_rare(real):
    test = real.test.batch(torch.arange(300))
    found = []
    for loss in (None, LogitAdjusted()):
        recipe = Recipe(epochs=40, batch_size=62, optimizer=Adam(lr=0.01), loss=loss)
        network = Teacher(network=MLP(width=16), recipe=recipe).experts(real).networks[0]
        found.append(balanced_accuracy(network(test.x), test.y))
    assert found[1] > found[0] + 0.02


def test_it_needs_shares_and_is_for_the_data_s_own_rows(real):
    with pytest.raises(UserError, match="shares of the classes"):
        LogitAdjusted().losses(torch.zeros(1, 3), torch.zeros(1).long())
    with pytest.raises(UserError, match="the data's own rows"):
        Teaching.of("hard", Recipe(loss=LogitAdjusted()).suited(real.spec), None, real)
