"""Sets are measured as each would be alone, baselines once for each size, and ranked by scores that can be checked."""

from __future__ import annotations

import json
import math

import datasets
import pytest

from hf_distill import ForecastingEvaluator, ForecastRecipe, Poison, RevLinear, SeriesData, SeriesSet, Undistilled
from hf_distill.augment.siamese import SiameseAugment
from hf_distill.cli.main import run
from hf_distill.comparison.measuring import Comparison, check_source, scored, told_apart
from hf_distill.comparison.picture import draw
from hf_distill.comparison.table import comparison_table
from hf_distill.data.real import RealData
from hf_distill.errors import UserError
from hf_distill.evaluation.classification import ClassificationEvaluator
from hf_distill.evaluation.ranking import augmentation_robust_score
from hf_distill.hub import DistilledDataset
from hf_distill.networks import ConvNet
from hf_distill.training import Recipe
from tests.evaluation.sets import distilled, table, vectors


@pytest.fixture
def real():
    return RealData.from_dataset(table(60, 0), table(30, 1)).setup()


@pytest.fixture
def evaluator():
    return ClassificationEvaluator(
        networks=[ConvNet(width=4, depth=1)], seeds=2, recipe=Recipe(steps=3), baselines=["random"], full_steps=3
    )


@pytest.fixture
def sets(real, tmp_path):
    made = {"one": distilled(real, 2), "two": distilled(real, 2), "small": distilled(real, 1)}
    made["two"].x = made["two"].x.flip(-1)
    return {name: DistilledDataset.from_pretrained(own.save_pretrained(tmp_path / name)) for name, own in made.items()}


def test_each_set_is_measured_as_alone_and_baselines_once(real, evaluator, sets, tmp_path, monkeypatch):
    wanted = {name: evaluator.evaluate(own, real, progress=False).rows[0] for name, own in sets.items()}
    calls = []
    measure = ClassificationEvaluator.evaluate

    def counted(self, artifact, *arguments, **options):
        calls.append((artifact.folder.name, self.baselines, int(self.full)))
        return measure(self, artifact, *arguments, **options)

    monkeypatch.setattr(ClassificationEvaluator, "evaluate", counted)
    rows = Comparison(real, evaluator, tmp_path / "state.json", progress=False).run(sets, done=lambda name: None)
    assert calls == [("one", ["random"], 1), ("two", [], 0), ("small", ["random"], 0)]
    assert wanted["one"]["mean"] != wanted["two"]["mean"] or wanted["one"]["std"] != wanted["two"]["std"]
    for row in rows:
        own = wanted[row["set"]]
        assert {key: row[key] for key in own} == own
    # All of it is there: nothing is measured again.
    again = Comparison(real, evaluator, tmp_path / "state.json", progress=False).run(sets, done=lambda name: None)
    assert json.dumps(again) == json.dumps(rows) and len(calls) == 3
    # Of other rows under the same name it is not.
    other = RealData.from_dataset(table(60, 2), table(30, 1)).setup()
    assert other.config() == real.config()
    Comparison(other, evaluator, tmp_path / "state.json", progress=False).run(sets, done=lambda name: None)
    assert len(calls) == 6
    assert draw(rows).width > 100


def test_the_augmentation_robust_score_is_of_both_ways(real, evaluator, sets):
    rows = Comparison(real, evaluator, progress=False).run({"one": sets["one"]}, robust=True, done=lambda name: None)
    gains = []
    for augment in (SiameseAugment(), None):
        evaluator.recipe.augment = augment
        found = evaluator.evaluate(sets["one"], real, progress=False).rows[0]
        gains.append(found["mean"] - found["random_mean"])
    wanted = augmentation_robust_score(augmented=gains[0], plain=gains[1])
    assert rows[0]["augmentation_robust_score"] == pytest.approx(wanted)


def row(name, mean, std=0.01, **others):
    return {"network": "N", "metric": "accuracy", "set": name, "method": "M", "mean": mean, "std": std, **others}


def test_scores_are_those_of_the_paper():
    found = scored(row("a", 0.6, random_mean=0.5, full_mean=0.9), [])
    assert found["improvement_over_random"] == pytest.approx(0.1)
    assert found["hard_label_recovery"] == pytest.approx(0.3)
    wanted = (math.exp(-0.1) - math.exp(-1)) / (math.e - math.exp(-1))
    assert found["label_robust_score"] == pytest.approx(wanted)
    both = [{"mean": 0.7, "random_mean": 0.4}, {"mean": 0.5, "random_mean": 0.4}]
    found = scored(row("a", 0.6, random_mean=0.5, full_mean=0.9), both)
    wanted = (math.exp(0.2) - math.exp(-1)) / (math.e - math.exp(-1))
    assert found["augmentation_robust_score"] == pytest.approx(wanted)
    # No rank is given to errors.
    assert "label_robust_score" not in scored(row("a", 0.6, random_mean=0.5) | {"metric": "mse"}, [])


def test_places_are_shared_within_the_spread():
    rows = [row("worst", 0.1), row("b", 0.5), row("a", 0.505), row("best", 0.9)]
    found = comparison_table([{**each, "seeds": 5} for each in rows])
    place = list(found.head).index("place")
    wanted = [("best", "1"), ("a", "2-3"), ("b", "2-3"), ("worst", "4")]
    assert [(line[1], line[place]) for line in found.lines] == wanted


def test_a_set_of_a_long_tail_or_of_poisoned_rows_is_told_apart(sets):
    assert told_apart(sets) == []
    sets["one"].spec.source["imbalance_factor"] = 20.0
    sets["two"].config["data"] = {"class_path": "RealData", "init_args": {"poison": Poison(share=0.5).config()}}
    assert told_apart(sets) == [
        "one was made from a long tail (imbalance_factor=20), which others here were not",
        "two was made from poisoned rows (share=0.5), which others here were not",
    ]
    assert told_apart({"one": sets["one"], "again": sets["one"]}) == []


def test_baselines_of_series_are_shared_where_the_same_config_takes_the_same_bits(tmp_path, monkeypatch):
    table = datasets.Dataset.from_dict({"load": [math.sin(hour / 4) for hour in range(160)]})
    real = SeriesData.from_dataset(table, lookback=8, horizon=4, splits=[100, 120, 160]).setup()
    sets = {}
    for name, length in (("one", 24), ("two", 24), ("short", 20)):
        made = Undistilled(synthetic=SeriesSet(length=length)).distill(real)
        sets[name] = DistilledDataset.from_pretrained(made.save_pretrained(tmp_path / name))
    recipe = ForecastRecipe(steps=2, epochs=0)
    evaluator = ForecastingEvaluator(
        networks=[RevLinear()], seeds=1, baselines=["random"], random_draws=1, recipe=recipe
    )
    calls = []
    measure = ForecastingEvaluator.evaluate

    def counted(self, artifact, *arguments, **options):
        calls.append((artifact.folder.name, self.baselines))
        return measure(self, artifact, *arguments, **options)

    monkeypatch.setattr(ForecastingEvaluator, "evaluate", counted)
    rows = Comparison(real, evaluator, progress=False).run(sets, done=lambda name: None)
    assert calls == [("one", ["random"]), ("two", []), ("short", ["random"])]
    assert rows[0]["random_mean"] == rows[1]["random_mean"] != rows[2]["random_mean"]


def test_sets_of_different_data_are_refused(sets, tmp_path, capsys):
    elsewhere = RealData.from_dataset(table(60, 0), path="elsewhere").setup()
    others = {
        "elsewhere": distilled(elsewhere, 1),
        "vectors": distilled(RealData.from_dataset(vectors(60, 0)).setup(), 1),
    }
    others["elsewhere"].save_pretrained(tmp_path / "elsewhere")
    pair = {"one": sets["one"], "elsewhere": others["elsewhere"]}
    with pytest.raises(UserError, match=r"one and vectors are of different data \(task"):
        check_source({"one": sets["one"], "vectors": others["vectors"]})
    check_source(pair, named=True)
    assert run(["compare", str(tmp_path / "one"), str(tmp_path / "elsewhere")]) == 2
    assert "one and elsewhere are of different data (source in-memory and elsewhere)" in capsys.readouterr().err
    assert run(["compare", str(tmp_path / "one")]) == 2 and "two sets or more" in capsys.readouterr().err
