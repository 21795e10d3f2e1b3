"""What the records of older versions say of training is understood."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hf_distill.cli.evaluate import build_parser
from hf_distill.cli.messages import build, parse
from hf_distill.cli.records import check_record
from hf_distill.data import SeriesData
from hf_distill.errors import UserError
from hf_distill.evaluation import ClassificationEvaluator, ForecastingEvaluator
from hf_distill.hub.older import upgraded
from hf_distill.training import KL, SGD, Adam, AdamW, Cosine, CrossEntropy, ForecastRecipe, Recipe, StepDecay

CARDS = sorted((Path(__file__).parents[2] / "model_cards").iterdir())


def recorded(folder):
    return json.loads((folder / "distillation.json").read_text())["config"]["evaluator"]


def is_older(folder):
    return "lr" in recorded(folder)["init_args"]["recipe"]["init_args"]


OLDER = [folder for folder in CARDS if is_older(folder)]


def evaluator(described):
    """What the command line makes of a record's evaluator."""
    known = upgraded(described)
    check_record(known, "evaluator")
    parser = build_parser()
    parser.set_defaults({"evaluator": known})
    return build(parser, parse(parser, ["folder"])).evaluator


def test_there_are_records_of_both_kinds():
    assert OLDER and len(OLDER) < len(CARDS)


@pytest.mark.parametrize("folder", [folder for folder in CARDS if not is_older(folder)], ids=lambda folder: folder.name)
def test_records_of_this_version(folder):
    assert upgraded(recorded(folder)) == recorded(folder)
    options, said = (described["init_args"] for described in (evaluator(recorded(folder)).config(), recorded(folder)))
    usual = ClassificationEvaluator().config()["init_args"]
    # What has been added since is left as it is.
    assert options == {**{name: usual[name] for name in options}, **said}


@pytest.mark.parametrize("folder", OLDER, ids=lambda folder: folder.name)
def test_published_records(folder):
    described = recorded(folder)
    before = described["init_args"]["recipe"]["init_args"]
    assert before["optimizer"] == "sgd" and before["schedule"] == "step"
    made = evaluator(described)
    assert isinstance(made, ClassificationEvaluator) and made.seeds == described["init_args"]["seeds"]
    expected = Recipe(
        optimizer=SGD(lr=before["lr"], momentum=before["momentum"], weight_decay=before["weight_decay"]),
        augment=made.recipe.augment,
    )
    assert made.recipe.config() == expected.config()
    assert made.recipe.augment.config()["init_args"] == before["augment"]["init_args"]
    # What is new is left as it is.
    assert upgraded(upgraded(described)) == upgraded(described)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (
            {"optimizer": "adamw", "lr": 0.001, "schedule": "cosine", "loss": "kl", "temperature": 20},
            Recipe(optimizer=AdamW(lr=0.001, weight_decay=5e-4), schedule=Cosine(), loss=KL(temperature=20)),
        ),
        (
            {"optimizer": "adam", "lr": 0.001, "weight_decay": 0.0, "loss": "cross_entropy", "steps": 5},
            Recipe(optimizer=Adam(lr=0.001), steps=5, loss=CrossEntropy()),
        ),
        ({"lr": 0.03, "schedule": "step"}, Recipe(optimizer=SGD(lr=0.03), schedule=StepDecay())),
    ],
)
@pytest.mark.parametrize("bare", [False, True])
def test_names_and_numbers(old, new, bare):
    recipe = dict(old) if bare else {"class_path": "hf_distill.Recipe", "init_args": dict(old)}
    made = evaluator({"class_path": "ClassificationEvaluator", "init_args": {"recipe": recipe}})
    assert made.recipe.config() == new.config()


def test_forecasters():
    old = {"steps": 200, "epochs": 3, "batch_size": 32, "lr": 0.002, "max_sequences": 1024}
    recipe = {"class_path": "hf_distill.ForecastRecipe", "init_args": old}
    made = evaluator({"class_path": "hf_distill.ForecastingEvaluator", "init_args": {"recipe": recipe}})
    assert isinstance(made, ForecastingEvaluator)
    assert made.recipe.config() == ForecastRecipe(steps=200, optimizer=Adam(lr=0.002)).config()


@pytest.mark.parametrize(
    "older, baselines, full",
    [
        ({"selected_seeds": 0, "full_seeds": 2}, ["start", "random"], 2),
        ({"start": False, "random_draws": 0, "full_seeds": 0}, ["selected"], 0),
        ({"random_draws": 4}, ["start", "selected", "random"], 1),
    ],
)
def test_baselines_of_series_were_numbers_of_networks(older, baselines, full):
    made = evaluator({"class_path": "ForecastingEvaluator", "init_args": {"seeds": 3, **older}})
    assert made.baselines == baselines and made.full == full
    assert made.random_draws == (older.get("random_draws") or 10)
    now = made.config()
    assert upgraded(now) == now


def test_an_unknown_baseline_of_a_series_is_one_line():
    with pytest.raises(UserError, match="'kmeans' is unknown; choose some of start, selected, random"):
        ForecastingEvaluator(baselines=["kmeans"]).evaluate("nowhere", SeriesData(path="nowhere"))
