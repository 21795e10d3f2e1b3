"""The commands as functions."""

import json

import numpy as np
import pandas as pd
import pytest
from datasets import Dataset, DatasetDict

import hf_distill
from hf_distill import DistilledDataset, load_config
from hf_distill.api.inputs import as_data
from hf_distill.cli.main import run
from hf_distill.errors import UserError
from hf_distill.hub.card import render_card

X = np.random.default_rng(0).normal(size=(60, 4)).astype(np.float32)
Y = np.arange(60) % 3
TABLE = {"a": X[:, 0].tolist(), "b": X[:, 1].tolist(), "label": Y.tolist()}
HOURS = pd.date_range("2024-01-01", periods=400, freq="h").astype(str).tolist()


@pytest.mark.parametrize(
    "data, kind, shape, rows",
    [
        (lambda: Dataset.from_dict(TABLE), None, (2,), (48, 12)),
        (lambda: DatasetDict(train=Dataset.from_dict(TABLE), test=Dataset.from_dict(TABLE)), None, (2,), (60, 60)),
        (lambda: pd.DataFrame(TABLE), None, (2,), (48, 12)),
        (lambda: (X, Y), "vector", (4,), (48, 12)),
        (lambda: (X, X[:, 0].astype(float)), "vector", (4,), (48, 12)),
        (lambda: ((X.reshape(60, 2, 2) * 9).astype(np.uint8), Y.astype(str)), "image", (1, 2, 2), (48, 12)),
    ],
    ids=["dataset", "splits", "frame", "arrays", "values", "pictures"],
)
def test_what_people_hold_is_data(data, kind, shape, rows):
    real = as_data(data())
    assert real.spec.shape == shape and kind in (None, real.spec.kind)
    assert (len(real.train), len(real.test)) == rows


def test_a_frame_with_times_is_a_series():
    real = as_data(pd.DataFrame({"time": HOURS, "load": np.sin(np.arange(400.0))}))
    assert type(real).__name__ == "SeriesData" and (real.lookback, real.horizon) == (24, 24), "what 400 rows hold"


@pytest.mark.parametrize("wrong", [3, (X, Y[:5]), (X.reshape(60, 2, 2), Y), None])
def test_anything_else_is_refused_in_one_line(wrong):
    with pytest.raises(UserError) as caught:
        as_data(wrong)
    assert "\n" not in str(caught.value)


@pytest.mark.slow
def test_one_line_makes_a_set_and_one_measures_it(tmp_path):
    made = hf_distill.distill((X, Y), per_class=2, folder=tmp_path / "set", progress=False)
    assert len(made) == 6 and DistilledDataset.from_pretrained(tmp_path / "set").x.equal(made.x)
    result = hf_distill.evaluate(tmp_path / "set", (X, Y), quick=True, progress=False)
    assert result.rows[0]["samples"] == 6 and result.protocol["sketch"]
    # By the recipe that the record names, which is the one that was chosen.
    assert result.protocol["networks"] == made.config["evaluator"]["init_args"]["networks"]
    with pytest.raises(UserError, match="per_class is '0'"):
        hf_distill.distill((X, Y), per_class=0)


def test_a_configuration_is_loaded_by_name(tmp_path):
    config = load_config("dm_digits", "--seed=3", "--method.steps=7")
    assert (config.method.steps, config.seed, config.data.path) == (7, 3, "digits")
    assert type(config.evaluator).__name__ == "ClassificationEvaluator"


def test_a_published_set_is_measured_by_its_own_recipe(hub, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    config = load_config(
        "dm_digits", "--method=Coreset", "--method.per_class=1", "--evaluator.recipe.epochs=2", "--evaluator.seeds=2",
        '--evaluator.networks=[{"class_path": "MLP", "init_args": {"width": 3}}]', "--evaluator.baselines=[random]",
        "--evaluator.full=0",
    )  # fmt: skip
    made = config.method.distill(config.data)
    made.config["evaluator"] = config.evaluator.config()
    made.push_to_hub("owner/tiny")
    result = hf_distill.evaluate("owner/tiny", progress=False)
    assert result.protocol["networks"] == [network.config() for network in config.evaluator.networks]
    assert run(["evaluate", "owner/tiny", "--progress=false"]) == 0
    out = capsys.readouterr().out
    assert str(result) in out and "owner/tiny is left as it is" in out
    record = json.loads(hub.repos["owner/tiny"].files()["distillation.json"])
    assert record["evaluation"] is None and render_card(record, "owner/tiny")
