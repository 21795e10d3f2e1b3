from __future__ import annotations

import json

import pytest
import torch
import torch.nn.functional as F

from hf_distill.augment import SiameseAugment
from hf_distill.data.real import RealData
from hf_distill.errors import UserError
from hf_distill.evaluation import ClassificationEvaluator
from hf_distill.evaluation.published import read_published
from hf_distill.hub.artifact import DistilledDataset
from hf_distill.networks import MLP, ConvNet
from hf_distill.networks.default import default_network
from hf_distill.synthetic import SoftVectorSet
from hf_distill.training import Recipe
from tests.evaluation.sets import distilled, table


def evaluator(**options):
    defaults = {"networks": [MLP(width=16)], "seeds": 2, "recipe": Recipe(epochs=40, lr=0.05), "device": "cpu"}
    return ClassificationEvaluator(**defaults | options)


def test_rows_and_protocol(real, artifact, tmp_path):
    networks = [MLP(width=16), ConvNet(width=4, depth=2)]
    result = evaluator(networks=networks, metrics=["accuracy", "macro_f1"], full=True).evaluate(
        artifact, real, tmp_path / "evaluation.json", progress=False
    )
    assert json.loads((tmp_path / "evaluation.json").read_text()) == result.to_dict()
    assert [(r["network"], r["metric"]) for r in result.rows] == [
        ("MLP", "accuracy"),
        ("MLP", "macro_f1"),
        ("ConvNet", "accuracy"),
        ("ConvNet", "macro_f1"),
    ]
    row = result.rows[0]
    assert row["bits"] == 6 * (64 * 8 + 2) and row["seeds"] == 2 and row["labels"] == "hard"
    for value in (row["mean"], row["random_mean"], row["full_mean"]):
        assert 0 <= value <= 1
    assert row["full_mean"] == 1  # bright halves are easily told apart
    sizes = {name: baseline["samples"] for name, baseline in row["baselines"].items()}
    assert sizes == {"random": 6, "kmeans": 6, "herding": 6, "class_mean": 3}
    assert row["baselines"]["random"]["mean"] == row["random_mean"]
    assert result.protocol["reported"] == "last epoch" and result.protocol["test_rows"] == 30
    assert result.protocol["recipe"]["epochs"] == 40


def test_the_start_is_a_row_of_its_own(real, artifact):
    """The set itself given as its start has its numbers, at its size; where it is not wanted there is none."""
    start = DistilledDataset.from_pretrained(artifact)
    row = evaluator().evaluate(artifact, real, progress=False, start=start).rows[0]
    assert next(iter(row["baselines"])) == "start" and row["baselines"]["start"]["mean"] == row["mean"]
    assert row["baselines"]["start"]["samples"] == len(start) and row["baselines"]["start"]["bits"] == row["bits"]
    for options in ({"baselines": ["random"]}, {}):
        given = start if options else None
        row = evaluator(**options).evaluate(artifact, real, progress=False, start=given).rows[0]
        assert "start" not in row["baselines"]


def test_the_same_call_gives_the_same_numbers(real, artifact):
    options = {"recipe": Recipe(epochs=10, augment=SiameseAugment()), "networks": [ConvNet(width=4, depth=2)]}
    one, two = (evaluator(**options).evaluate(artifact, real, progress=False) for _ in range(2))
    assert one.to_dict() == two.to_dict()


def test_the_number_of_seeds_and_the_strategy_change_no_seed(real, artifact):
    one = evaluator(seeds=1, baselines=[]).evaluate(artifact, real, progress=False).rows[0]
    many = evaluator(seeds=3, strategy="together").evaluate(artifact, real, progress=False).rows[0]
    apart = evaluator(seeds=3, strategy="sequential").evaluate(artifact, real, progress=False).rows[0]
    assert one["std"] is None and one["random_mean"] is None and one["baselines"] == {}
    assert many["mean"] == pytest.approx(apart["mean"], abs=1e-6)
    assert many["random_mean"] == pytest.approx(apart["random_mean"], abs=1e-6)


def test_it_reads_the_published_values(real, tmp_path):
    # Values that no 8-bit image can hold must not reach the networks.
    made = distilled(real, 1)
    made.x = made.x * 100
    loaded = read_published(made)
    assert made.folder is None
    low, high = real.spec.limits(loaded.x)
    assert (loaded.x >= low - 1e-5).all() and (loaded.x <= high + 1e-5).all()
    made.save_pretrained(tmp_path / "saved")
    made.x.zero_()
    assert torch.equal(read_published(made).x, loaded.x)


def test_result_goes_into_the_artifact(real, artifact):
    result = evaluator(seeds=1).evaluate(artifact, real, progress=False)
    DistilledDataset.from_pretrained(artifact).add_evaluation(result.to_dict())
    assert DistilledDataset.from_pretrained(artifact).evaluation == result.to_dict()


def test_vectors(vector_real, tmp_path):
    folder = distilled(vector_real, 2).save_pretrained(tmp_path / "vectors")
    row = evaluator(networks=None).evaluate(folder, vector_real, progress=False).rows[0]
    assert row["network"] == "MLP" and row["bits"] == 6 * (4 * 32 + 2)
    with pytest.raises(UserError, match=r"set recipe\.augment to null"):
        evaluator(recipe=Recipe(augment=SiameseAugment())).evaluate(folder, vector_real, progress=False)


def test_stream_has_the_random_baseline_alone(artifact):
    real = RealData.from_dataset(table(60, 0).to_iterable_dataset(), table(30, 1))
    row = evaluator(seeds=1).evaluate(artifact, real, progress=False).rows[0]
    assert list(row["baselines"]) == ["random"]


@pytest.mark.parametrize(
    "options, message",
    [
        ({"labels": "soft"}, "soft labels"),
        ({"baselines": ["best"]}, "'best'"),
    ],
)
def test_wrong_options(options, message, real, artifact):
    with pytest.raises(UserError, match=message):
        evaluator(**options).evaluate(artifact, real, progress=False)


def test_data_of_another_set(vector_real, artifact):
    with pytest.raises(UserError, match="that it was made from"):
        evaluator().evaluate(artifact, vector_real, progress=False)


def test_without_a_test_split(artifact):
    with pytest.raises(UserError, match="no test split"):
        evaluator().evaluate(artifact, RealData.from_dataset(table(60, 0)), progress=False)


def test_default_network(real, vector_real):
    assert default_network(real.spec.shape).config() == ConvNet(depth=2).config()
    assert isinstance(default_network(vector_real.spec.shape), MLP)


def test_a_network_learns_from_soft_labels_where_they_are_wanted(vector_real, tmp_path):
    train = vector_real.train.batch(torch.arange(12))
    synthetic = SoftVectorSet(per_class=4, top=2)
    # Teachers that are wrong in every case: each sample's own class has less than half.
    wrong = F.one_hot((train.y + 1) % vector_real.spec.num_classes, vector_real.spec.num_classes)
    own = F.one_hot(train.y, vector_real.spec.num_classes)
    synthetic.initialize(train.x, 0.6 * wrong + 0.4 * own, vector_real.spec)
    made = DistilledDataset.from_synthetic(synthetic)
    made.save_pretrained(tmp_path / "soft")
    for each in (made, DistilledDataset.from_pretrained(tmp_path / "soft")):
        assert (
            torch.allclose(each.batch(soft=True).y, synthetic().y)
            and each.batch().y.tolist() == wrong.argmax(1).tolist()
        )
    options = {"baselines": [], "seeds": 1, "recipe": Recipe(epochs=300, lr=0.05)}
    hard, soft = (
        evaluator(labels=labels, **options).evaluate(made, vector_real, progress=False).rows[0]
        for labels in ("hard", "soft")
    )
    assert hard["labels"] == "hard" and soft["labels"] == "soft" and hard["mean"] != soft["mean"]
