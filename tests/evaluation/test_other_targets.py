"""Sets with real values and with several labels: distilled, published, measured."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from datasets import ClassLabel, Dataset, Features, List, Value

from hf_distill.data import RealData
from hf_distill.errors import UserError
from hf_distill.evaluation import ClassificationEvaluator
from hf_distill.hub import DistilledDataset
from hf_distill.hub.rehearsal import rehearse
from hf_distill.labels import DenseLabels, ValueLabels
from hf_distill.methods import Coreset, OptimizedDistillation, Run
from hf_distill.networks import MLP
from hf_distill.objectives import DistributionMatching, GradientMatching
from hf_distill.pools import FreshNetworks
from hf_distill.quantization import UniformQuantizer
from hf_distill.synthetic import QuantizedSet, VectorSet
from hf_distill.training import Adam, MeanSquared, Recipe

NETWORK = MLP(width=16, depth=1)
RECIPE = Recipe(steps=60, optimizer=Adam(lr=0.01))


def table(target: str, rows: int, seed: int) -> Dataset:
    x = np.random.default_rng(seed).normal(size=(rows, 4))
    if target == "values":
        features = Features({"x": List(Value("float32")), "y": Value("float64"), "z": Value("int32")})
        y, z = 100 + 5 * (x[:, 0] - x[:, 1]), np.round(20 * x[:, 2])
        return Dataset.from_dict({"x": x.tolist(), "y": y.tolist(), "z": z.astype(int).tolist()}, features=features)
    features = Features({"x": List(Value("float32")), "labels": List(ClassLabel(names=["a", "b", "c"]))})
    labels = [[int(place) for place in np.flatnonzero(row[:3] > 0.2)] for row in x]
    return Dataset.from_dict({"x": x.tolist(), "labels": labels}, features=features)


def real_of(target: str) -> RealData:
    chosen = {"label_column": ["y", "z"]} if target == "values" else {}
    return RealData.from_dataset(table(target, 120, 0), table(target, 40, 1), **chosen).setup()


def matching(synthetic) -> OptimizedDistillation:
    objective = GradientMatching(pool=FreshNetworks(network=NETWORK))
    return OptimizedDistillation(synthetic=synthetic, objective=objective, steps=3)


METHODS = {
    "coreset": lambda: Coreset(per_class=6),
    "learned values": lambda: matching(VectorSet(per_class=6, labels=ValueLabels())),
    "quantized": lambda: matching(
        QuantizedSet(
            synthetic=VectorSet(per_class=6, labels=ValueLabels()),
            quantizer=UniformQuantizer(bits=4),
            labels=UniformQuantizer(bits=6),
        )
    ),
    "means": lambda: OptimizedDistillation(
        synthetic=VectorSet(per_class=6), objective=DistributionMatching(network=NETWORK), steps=2
    ),
}


@pytest.mark.parametrize("target", ["values", "labels"])
@pytest.mark.parametrize("method", METHODS)
def test_sets_are_made_published_and_measured(target, method, tmp_path):
    real = real_of(target)
    rehearse(real.spec)
    synthetic = METHODS[method]().fit(real, Run(progress=False))
    made = DistilledDataset.from_synthetic(synthetic)
    loaded = DistilledDataset.from_pretrained(made.save_pretrained(tmp_path / "set"))
    assert torch.equal(loaded.y, made.y) and loaded.y.shape == (6, real.spec.num_outputs)
    assert torch.allclose(loaded.exact().y, synthetic().y, atol=1e-6)
    evaluator = ClassificationEvaluator(networks=[NETWORK], seeds=2, recipe=RECIPE, full_steps=60)
    evaluation = evaluator.evaluate(loaded, real, progress=False)
    rows = {row["metric"]: row for row in evaluation.rows}
    assert [*rows] == (["r2", "mse", "mae"] if target == "values" else ["label_f1", "mean_average_precision"])
    for row in rows.values():
        assert math.isfinite(row["mean"]) and row["bits"] and {"random", "kmeans", "herding"} <= row["baselines"].keys()
    first = next(iter(rows.values()))
    assert first["full_mean"] > 0.6, "all of the data teach what there is to learn"
    loss = evaluation.protocol["recipe"]["init_args"]["loss"]["class_path"]
    assert loss == {"values": "MeanSquared", "labels": "BinaryCrossEntropy"}[target]
    assert evaluator.recipe is RECIPE and RECIPE.config()["init_args"]["loss"]["class_path"] == "CrossEntropy"


def test_a_coreset_of_values_is_rows_of_the_source(tmp_path):
    real = real_of("values")
    made = DistilledDataset.from_synthetic(Coreset(per_class=8).fit(real, Run(progress=False)))
    source = table("values", 120, 0)
    for row in made.to_dataset():
        place = int(np.abs(np.asarray(source["x"][:]) - row["x"]).sum(1).argmin())
        assert source[place]["z"] == row["z"] and source[place]["y"] == pytest.approx(row["y"], abs=1e-4)
    assert made.bits["default"].labels == 8 * (64 + 32)


def test_classes_labels_and_values_are_not_mixed(tmp_path):
    real, other = real_of("values"), real_of("labels")
    made = DistilledDataset.from_synthetic(Coreset(per_class=4).fit(real, Run(progress=False)))
    with pytest.raises(UserError, match="has the values y, z and the real data the labels labels"):
        ClassificationEvaluator(networks=[NETWORK]).evaluate(made, other, progress=False)
    with pytest.raises(UserError, match="DenseLabels stores classes, and what is learned here are values"):
        matching(VectorSet(per_class=2, labels=DenseLabels())).fit(real, Run(progress=False))


def test_a_chosen_loss_stays():
    chosen = Recipe(loss=MeanSquared())
    assert chosen.suited(real_of("labels").spec) is chosen
