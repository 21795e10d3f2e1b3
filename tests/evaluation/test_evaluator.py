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
from hf_distill.labels import TopLabels
from hf_distill.networks import MLP, ConvNet
from hf_distill.networks.default import default_network
from hf_distill.quantization import UniformQuantizer
from hf_distill.synthetic import PixelSet, QuantizedSet, VectorSet
from hf_distill.training import SGD, Recipe
from tests.evaluation.sets import distilled, table


def evaluator(**options):
    recipe = Recipe(epochs=40, optimizer=SGD(lr=0.05))
    defaults = {"networks": [MLP(width=16)], "seeds": 2, "recipe": recipe, "device": "cpu"}
    return ClassificationEvaluator(**defaults | options)


def test_rows_and_protocol(real, artifact, tmp_path):
    networks = [MLP(width=16), ConvNet(width=4, depth=2)]
    result = evaluator(networks=networks, metrics=["accuracy", "macro_f1"], full=1).evaluate(
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
    assert row["full_mean"] == 1 and row["full_std"] is None  # bright halves are easily told apart
    assert (row["full_networks"], row["full_steps"]) == (1, 40) and row["sets"] == 1
    assert row["config_bits"] == {"default": row["bits"], "codes": 6 * (64 * 32 + 2)}
    sizes = {name: baseline["samples"] for name, baseline in row["baselines"].items()}
    assert sizes == {"random": 6, "kmeans": 6, "kmeans_pixels": 6, "herding": 6, "class_mean": 3}
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
    assert default_network(real.spec).config() == ConvNet(depth=2).config()
    assert isinstance(default_network(vector_real.spec), MLP)


def test_a_network_learns_from_soft_labels_where_they_are_wanted(vector_real, tmp_path):
    train = vector_real.train.batch(torch.arange(12))
    synthetic = VectorSet(per_class=4, labels=TopLabels(top=2))
    # Teachers that are wrong in every case: each sample's own class has less than half.
    wrong = F.one_hot((train.y + 1) % vector_real.spec.num_classes, vector_real.spec.num_classes)
    own = F.one_hot(train.y, vector_real.spec.num_classes)
    synthetic.initialize(train.x, 0.6 * wrong + 0.4 * own, vector_real.spec)
    made = DistilledDataset.from_synthetic(synthetic)
    made.save_pretrained(tmp_path / "soft")
    for each in (made, DistilledDataset.from_pretrained(tmp_path / "soft")):
        assert (
            torch.allclose(each.batch("soft").y, synthetic().y) and each.batch().y.tolist() == wrong.argmax(1).tolist()
        )
    options = {"baselines": [], "seeds": 1, "recipe": Recipe(epochs=300, optimizer=SGD(lr=0.05))}
    hard, soft = (
        evaluator(labels=labels, **options).evaluate(made, vector_real, progress=False).rows[0]
        for labels in ("hard", "soft")
    )
    assert hard["labels"] == "hard" and soft["labels"] == "soft" and hard["mean"] != soft["mean"]


def test_the_network_of_the_full_row_is_trained_once_for_all_rows(real, artifact, monkeypatch):
    from hf_distill.features import trained

    lengths = []
    train = trained.train_networks

    def counted(networks, sources, *arguments, **options):
        lengths.append(len(sources[0]))
        return train(networks, sources, *arguments, **options)

    monkeypatch.setattr(trained, "train_networks", counted)
    evaluator(full=1).evaluate(artifact, real, progress=False)
    assert lengths == [60]
    evaluator(full=2).evaluate(artifact, real, progress=False)  # the first one is known
    assert lengths == [60, 60]


def test_steps_on_the_full_data_are_limited(real, artifact):
    row = evaluator(baselines=[], full=True, full_steps=7).evaluate(artifact, real, progress=False).rows[0]
    assert (row["full_networks"], row["full_steps"]) == (2, 7)
    assert evaluator(baselines=[], full=0).evaluate(artifact, real, progress=False).rows[0]["full_mean"] is None


def test_a_quantized_set_is_compared_at_the_bits_of_its_codes(real, tmp_path):
    synthetic = QuantizedSet(synthetic=PixelSet(per_class=4), quantizer=UniformQuantizer(bits=2))
    batch = real.sample([0, 1, 2], 4, torch.Generator().manual_seed(0))
    synthetic.initialize(batch.x, batch.y, real.spec)
    made = DistilledDataset.from_synthetic(synthetic)
    row = evaluator(seeds=1, full=0).evaluate(made, real, progress=False).rows[0]
    assert row["bits"] == row["config_bits"]["codes"] == synthetic.bits().total < row["config_bits"]["default"]
    for name, baseline in row["baselines"].items():
        assert baseline["bits"] == baseline["samples"] * (64 * 8 + 2)
        # a quarter of the bits a value buys a quarter of the samples, and one a class at least
        assert baseline["samples"] == 3 and (name == "random" or baseline["bits"] <= row["bits"])


def test_soft_labels_count_where_they_are_used(vector_real):
    batch = vector_real.sample([0, 1, 2], 2, torch.Generator().manual_seed(0))
    synthetic = VectorSet(per_class=2, labels=TopLabels(top=2))
    synthetic.initialize(batch.x, F.one_hot(batch.y, 3).float(), vector_real.spec)
    made = DistilledDataset.from_synthetic(synthetic)
    hard, soft = (
        evaluator(seeds=1, baselines=[], full=0, labels=labels).evaluate(made, vector_real, progress=False).rows[0]
        for labels in ("hard", "soft")
    )
    codes, default = made.bits["codes"], made.bits["default"]
    assert hard["bits"] == min(default.total, codes.total)
    assert soft["bits"] == min(default.data + codes.labels, codes.total) > hard["bits"]
