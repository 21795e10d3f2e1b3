from __future__ import annotations

import pytest
import torch

from hf_distill.augment import SiameseAugment
from hf_distill.errors import UserError
from hf_distill.training import (
    SGD,
    Adam,
    AdamW,
    Constant,
    Cosine,
    CrossEntropy,
    ForecastRecipe,
    Recipe,
    StepDecay,
)


def test_epochs_follow_the_augmentation():
    assert Recipe().total_epochs == 300
    assert Recipe(augment=SiameseAugment()).total_epochs == 1000
    assert Recipe(augment=SiameseAugment(), epochs=7).total_epochs == 7


@pytest.mark.parametrize(
    "schedule, expected",
    [
        (StepDecay(), [1, 1, 0.1, 0.1]),
        (StepDecay(at=0.75, to=0.5), [1, 1, 1, 0.5]),
        (Constant(), [1, 1, 1, 1]),
        (Cosine(), [1, 0.853553, 0.5, 0.146447]),
    ],
)
def test_learning_rate(schedule, expected):
    recipe = Recipe(schedule=schedule, optimizer=SGD(lr=1.0))
    assert [recipe.rate(step, 4, 1) for step in range(4)] == pytest.approx(expected, rel=1e-5)
    # In epochs of three steps the rate stays for three; the last epoch of ten may end early.
    thrice = [rate for rate in expected for _ in range(3)]
    assert [recipe.rate(step, 10, 3) for step in range(10)] == pytest.approx(thrice[:10], rel=1e-5)


def test_a_rate_that_changes_at_every_step():
    recipe = Recipe(schedule=Cosine(each="step"), optimizer=SGD(lr=2.0))
    assert [recipe.rate(step, 4, 2) for step in range(4)] == pytest.approx([2, 1.707107, 1, 0.292893], rel=1e-5)
    recipe = Recipe(schedule=StepDecay(each="step"))
    assert [recipe.rate(step, 4, 4) for step in range(4)] == pytest.approx([0.01, 0.01, 0.001, 0.001])


def test_steps_are_whole_epochs():
    assert Recipe(steps=10, batch_size=4).total_steps(11) == 12
    assert Recipe(epochs=7, batch_size=4).total_steps(11) == 21
    assert Recipe(steps=10, batch_size=4).for_samples(11).total_epochs == 4


def test_another_rate_leaves_the_recipe_as_it_is():
    recipe = Recipe(optimizer=AdamW(lr=0.1, weight_decay=0.2))
    other = recipe.with_rate(0.3)
    assert (recipe.lr, other.lr, other.optimizer.weight_decay) == (0.1, 0.3, 0.2)
    assert ForecastRecipe().scaled(2.0, 0.5, 100, 7).lr == 2e-3


def test_vectors_cannot_be_augmented(vector_real):
    Recipe().check(vector_real.spec)
    with pytest.raises(UserError, match=r"set recipe\.augment to null"):
        Recipe(augment=SiameseAugment()).check(vector_real.spec)


def test_configuration_round_trip():
    described = Recipe(augment=SiameseAugment(strategy="crop"), optimizer=Adam(lr=0.1)).config()
    kinds = {"augment": SiameseAugment, "optimizer": Adam, "schedule": StepDecay, "loss": CrossEntropy}
    parts = {name: kind(**described["init_args"][name]["init_args"]) for name, kind in kinds.items()}
    assert Recipe(**described["init_args"] | parts).config() == described


@pytest.mark.parametrize(
    "optimizer, kind, expected", [(Adam, torch.optim.Adam, 1.9), (AdamW, torch.optim.AdamW, 2 * (1 - 0.1 * 0.25))]
)
def test_adam_keeps_weight_decay_in_the_gradient_and_adamw_beside_it(optimizer, kind, expected):
    weight = torch.nn.Parameter(torch.tensor([2.0]))
    made = optimizer(lr=0.1, weight_decay=0.25).make([weight])
    assert type(made) is kind
    weight.grad = torch.zeros(1)
    made.step()
    # Adam's first step has the size of the rate whatever the gradient; AdamW shrinks by rate times decay.
    assert weight.item() == pytest.approx(expected)
