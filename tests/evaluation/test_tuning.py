"""Recipes that are chosen for each training set."""

import re

import pytest
import torch

from hf_distill.data.real import RealData
from hf_distill.errors import UserError
from hf_distill.evaluation import ClassificationEvaluator
from hf_distill.evaluation.contenders import Contender
from hf_distill.evaluation.training import ContenderTraining, held_out
from hf_distill.evaluation.tuning import RecipeSearch, Setting
from hf_distill.networks import MLP
from hf_distill.seeding import Streams
from hf_distill.training import SGD, Recipe
from hf_distill.training.source import TensorSource
from tests.evaluation.sets import table

RECIPE = Recipe(epochs=20, optimizer=SGD(lr=0.05))


def test_the_best_is_taken_and_of_equal_ones_the_least_change():
    search = RecipeSearch(lrs=[0.1, 1.0, 10.0], steps=[0.5, 1.0])
    assert search.settings()[0] == Setting(1.0, 1.0) and len(search.settings()) == 6
    scores = {
        "slow": lambda own: -own.lr,
        "even": lambda own: 0.0,
        "short": lambda own: -own.steps,
    }
    found = search.run(list(scores), lambda own: {name: score(own) for name, score in scores.items()})
    assert found["slow"] == (Setting(0.1, 1.0), -0.1)
    assert found["even"] == (Setting(1.0, 1.0), 0.0) and found["short"][0] == Setting(1.0, 0.5)
    assert search.work(100) == 100 * 3 * 1.5


def test_a_scaled_recipe():
    assert RECIPE.scaled(0.5, 2.0, 100).config() == Recipe(epochs=40, optimizer=SGD(lr=0.025)).config()
    # 100 steps of two batches an epoch
    assert Recipe(steps=100, batch_size=50).scaled(1.0, 0.5, 100).total_epochs == 25


def contender(real, rows, labels=None):
    batch = real.train.batch(torch.tensor(rows))
    batch.y = batch.y if labels is None else labels
    return Contender([TensorSource(batch)], 1, rows=torch.tensor(rows))


def test_held_out_are_rows_that_nobody_has_chosen(real):
    contenders = {"one": contender(real, [0, 1, 2]), "two": contender(real, [2, 3])}
    held = held_out(real, contenders, 1000, Streams(0))
    assert len(held) == 56
    free = [row for row in range(60) if row > 3]
    assert torch.equal(
        held.raw(torch.arange(56)).flatten(1).sum(1).sort().values,
        real.train.raw(torch.tensor(free)).flatten(1).sum(1).sort().values,
    )
    assert torch.bincount(held.labels).sum() == 56 and len(held_out(real, contenders, 7, Streams(0))) == 7
    with pytest.raises(UserError, match="no training rows are left"):
        held_out(real, {"all": contender(real, list(range(60)))}, 10, Streams(0))


def test_each_set_has_the_recipe_that_serves_it_and_test_rows_are_never_read():
    real = RealData.from_dataset(table(60, 0)).setup()  # no test split
    training = ContenderTraining(real.spec, [Streams(0)], torch.device("cpu"))
    rows = list(range(12))
    wrong = torch.tensor([(label + 1) % 3 for label in real.train.labels[:12].tolist()])
    contenders = {"right": contender(real, rows), "wrong": contender(real, rows, wrong)}
    search = RecipeSearch(lrs=[1e-6, 1.0, 1e6], steps=[1.0])
    found = training.search(search, MLP(width=16), contenders, lambda own: RECIPE, real)
    # Good labels are to be learned, bad ones are not; what diverges is nobody's choice.
    assert found["right"][0].lr == 1.0 and found["right"][1] > 0.9
    assert found["wrong"][0].lr == 1e-6 and found["wrong"][1] > 0.1


def test_rows_say_what_was_chosen(real, artifact):
    evaluator = ClassificationEvaluator(
        networks=[MLP(width=16)],
        seeds=2,
        recipe=RECIPE,
        tuning=RecipeSearch(lrs=[0.01, 1.0], steps=[1.0]),
        baselines=["random", "herding"],
        full=0,
        device="cpu",
    )
    result = evaluator.evaluate(artifact, real, progress=False)
    chosen = result.rows[0]["recipes"]
    assert list(chosen) == ["distilled", "random", "herding"]
    assert all(own["lr"] == pytest.approx(0.05) and own["steps"] == 20 for own in chosen.values())
    assert all(0 <= own["held_out"] <= 1 for own in chosen.values())
    assert re.search(r"MLP +distilled +0.05 +20 +\d", str(result)) and re.search(r"MLP +herding +0.05 +20", str(result))
    evaluator.tuning = None
    # The same choice gives the same numbers as none.
    assert evaluator.evaluate(artifact, real, progress=False).rows[0]["mean"] == result.rows[0]["mean"]
