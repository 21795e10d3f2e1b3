from __future__ import annotations

import pytest
import torch

from hf_distill.augment import SiameseAugment
from hf_distill.errors import UserError
from hf_distill.training import Recipe


def test_epochs_follow_the_augmentation():
    assert Recipe().total_epochs == 300
    assert Recipe(augment=SiameseAugment()).total_epochs == 1000
    assert Recipe(augment=SiameseAugment(), epochs=7).total_epochs == 7


@pytest.mark.parametrize(
    "schedule, expected",
    [("step", [1, 1, 0.1, 0.1]), ("constant", [1, 1, 1, 1]), ("cosine", [1, 0.853553, 0.5, 0.146447])],
)
def test_learning_rate(schedule, expected):
    recipe = Recipe(schedule=schedule, epochs=4, lr=1.0)
    assert [recipe.lr_at(epoch) for epoch in range(4)] == pytest.approx(expected, rel=1e-5)


def test_vectors_cannot_be_augmented(vector_real):
    Recipe().check(vector_real.spec)
    with pytest.raises(UserError, match=r"set recipe\.augment to null"):
        Recipe(augment=SiameseAugment()).check(vector_real.spec)


def test_configuration_round_trip():
    described = Recipe(augment=SiameseAugment(strategy="crop"), lr=0.1).config()
    nested = described["init_args"].pop("augment")
    rebuilt = Recipe(**described["init_args"], augment=SiameseAugment(**nested["init_args"]))
    assert rebuilt.config()["init_args"] == {**described["init_args"], "augment": nested}


@pytest.mark.parametrize(
    "optimizer, kind, expected", [("adam", torch.optim.Adam, 1.9), ("adamw", torch.optim.AdamW, 2 * (1 - 0.1 * 0.25))]
)
def test_adam_keeps_weight_decay_in_the_gradient_and_adamw_beside_it(optimizer, kind, expected):
    weight = torch.nn.Parameter(torch.tensor([2.0]))
    made = Recipe(optimizer=optimizer, lr=0.1, weight_decay=0.25).make_optimizer([weight])
    assert type(made) is kind
    weight.grad = torch.zeros(1)
    made.step()
    # Adam's first step has the size of the rate whatever the gradient; AdamW shrinks by rate times decay.
    assert weight.item() == pytest.approx(expected)
