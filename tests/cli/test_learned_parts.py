"""A learned rate, dense soft labels and weights: from a configuration to a published set and an evaluator's row."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from datasets import ClassLabel, Dataset, Features, List, Value, load_dataset

from hf_distill.cli.main import run
from hf_distill.evaluation.contenders import published
from hf_distill.hub import DistilledDataset
from hf_distill.hub.exact import exact

MLP = {"class_path": "MLP", "init_args": {"width": 8, "depth": 1}}
LEARNED = {"labels": {"class_path": "DenseLabels"}, "weights": {"class_path": "LearnedWeights"}}
SETS = {
    "pixels": {"class_path": "PixelSet", "init_args": {"per_class": 2, **LEARNED}},
    "vectors": {"class_path": "VectorSet", "init_args": {"per_class": 2, **LEARNED}},
    "quantized": {
        "class_path": "QuantizedSet",
        "init_args": {
            "synthetic": {"class_path": "PixelSet", "init_args": {"per_class": 2, **LEARNED}},
            "quantizer": {"class_path": "UniformQuantizer", "init_args": {"bits": 4}},
            "labels": {"class_path": "UniformQuantizer", "init_args": {"bits": 6}},
        },
    },
}


def vectors() -> str:
    """Write rows of three classes of vectors, and return where."""
    generator = np.random.default_rng(0)
    labels = np.arange(90) % 3
    rows = generator.normal(size=(90, 5)) + labels[:, None]
    features = Features({"v": List(Value("float32")), "label": ClassLabel(num_classes=3)})
    for split, part in (("train", slice(60)), ("test", slice(60, None))):
        Path("rows").mkdir(exist_ok=True)
        table = Dataset.from_dict({"v": rows[part].tolist(), "label": labels[part].tolist()}, features=features)
        table.to_parquet(f"rows/{split}-00000-of-00001.parquet")
    return "rows"


@pytest.mark.parametrize("kind", SETS)
def test_from_configuration_to_an_evaluators_row(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    objective = {
        "pool": {"class_path": "FreshNetworks", "init_args": {"network": MLP}},
        "synthetic_steps": 2,
        "lr": 0.05,
        "lr_lr": 0.1,
        "real_batch": 32,
    }
    method = {
        "synthetic": SETS[kind],
        "objective": {"class_path": "TrajectoryMatching", "init_args": objective},
        "steps": 3,
        "optimizer": "adam",
        "lr": 0.1,
    }
    evaluator = {
        "networks": [MLP],
        "seeds": 2,
        "recipe": {"epochs": 5, "optimizer": {"class_path": "SGD", "init_args": {"lr": 0.1}}},
        "baselines": ["random"],
        "full": 0,
        "labels": "soft",
        "learned_rate": True,
    }
    config = {
        "data": {"class_path": "RealData", "init_args": {"path": vectors() if kind == "vectors" else "digits"}},
        "method": {"class_path": "OptimizedDistillation", "init_args": method},
        "evaluator": {"class_path": "ClassificationEvaluator", "init_args": evaluator},
    }
    Path("parts.yaml").write_text(yaml.safe_dump(config))
    assert run(["distill", "--config=parts.yaml", "--progress=false", "--output_dir=set", "--evaluate=true"]) == 0

    made = DistilledDataset.from_pretrained("set")
    classes = 3 if kind == "vectors" else 10
    # A learned rate moves by its own rate, 0.1 a step of Adam, in its logarithm.
    rate = made.recipe["lr"]
    assert rate != 0.05 and abs(np.log(rate / 0.05)) < 0.31
    _, y, w = exact(made.packed, made.spec)
    assert y.shape == (2 * classes, classes) and np.allclose(y.sum(1), 1, atol=1e-6)
    assert 1 / classes < y.max(1).min() < 1, "labels have moved from where they began, one class each"
    assert w.mean() == pytest.approx(1, abs=1e-6) and w.std() > 1e-3 and w.min() > 0
    table = load_dataset("set", split="train")
    assert np.array_equal(np.array(table["weight"][:], "f4"), w) and table["label"][:] == y.argmax(1).tolist()
    # A reader of the soft labels downloads labels and weights with either the values or the codes.
    bits = {"pixels": (64 * 8, 32), "vectors": (5 * 32, 32), "quantized": (64 * 4, 6)}[kind]
    counted = made.bits["codes" if kind == "quantized" else "default"]
    assert counted.data == 2 * classes * bits[0] and made.bits["codes"].labels >= 2 * classes * classes * bits[1]
    assert counted.side >= 2 * classes * 8

    row = json.loads(Path("set/evaluation.json").read_text())["rows"][0]
    assert row["labels"] == "soft" and row["learned_rate"] == rate and 0 < row["mean"] <= 1
    assert row["baselines"]["random"]["bits"] > 0
    assert f"a learning rate of gradient descent was learned: {rate:.3g}." in Path("set/README.md").read_text()
    source = published(made, 1, soft=True).sources[0].batch(torch.arange(2 * classes))
    assert np.array_equal(source.y, y) and np.array_equal(source.w, w)
    # Without the set's own rate the networks are other ones.
    options = ["--evaluator.learned_rate=false", "--evaluator.recipe.optimizer.lr=1e-6", "--progress=false"]
    assert run(["evaluate", "set", *options]) == 0
    other = json.loads(Path("set/evaluation.json").read_text())["rows"][0]
    assert "learned_rate" not in other and other["mean"] != row["mean"]


def test_a_rate_that_no_set_brings(config: str, error_of) -> None:
    assert run(["distill", "--config", config, "--progress=false"]) == 0
    line = error_of(["evaluate", "outputs/tiny", "--evaluator.learned_rate=true", "--progress=false"], 2)
    assert line == "this set brings no learning rate that was learned with it: set evaluator.learned_rate=false"
