"""The commands as functions."""

import json

import numpy as np
import pandas as pd
import pytest
import torch
from datasets import Dataset, DatasetDict
from huggingface_hub import HfApi

import hf_distill
from hf_distill import MLP, DistilledDataset, RealData, Recipe, as_data, as_network, load_config
from hf_distill.cli.main import run
from hf_distill.errors import HubError, UserError
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


class Small(torch.nn.Module):
    def __init__(self, shape, classes):
        super().__init__()
        self.body = torch.nn.Linear(shape[0], 5)
        self.head = torch.nn.Linear(5, classes)

    def forward(self, x):
        return self.head(self.body(x).relu())


def whole():
    return Small((4,), 3)


@pytest.mark.parametrize(
    "network, label",
    [
        (Small, "Small"),
        (Small((4,), 3), "Small"),
        (whole, "whole"),
        (lambda shape, classes: Small(shape, classes), "network"),
        (MLP(width=5), "MLP"),
        ("MLP", "MLP"),
        (f"{__name__}:Small", "Small"),
    ],
    ids=["class", "instance", "function", "lambda", "part", "name", "path"],
)
def test_what_people_hold_is_a_network(network, label):
    made = as_network(network)
    one, same, other = (made.build((4,), 3, seed) for seed in (0, 0, 1))
    assert made.label == label and one(torch.zeros(2, 4)).shape == (2, 3)
    assert one.head.weight.equal(same.head.weight) and not one.head.weight.equal(other.head.weight)
    if isinstance(network, torch.nn.Module):
        assert not one.head.weight.equal(network.head.weight), "fresh weights"
    json.dumps(made.config())


def test_configurations_of_transformers_are_networks(hub, tmp_path):
    from transformers import PatchTSTConfig, ResNetConfig

    small = ResNetConfig(depths=[1], hidden_sizes=[8], embedding_size=4)
    small.save_pretrained(tmp_path)
    HfApi().create_repo("owner/net")
    HfApi().upload_folder(repo_id="owner/net", folder_path=tmp_path)
    for network in (small, small.to_dict(), str(tmp_path), "owner/net"):
        built = as_network(network).build((3, 16, 16), 3, 0)
        assert built(torch.zeros(2, 3, 16, 16)).shape == (2, 3) and built.head.in_features == 8
    assert type(as_network(PatchTSTConfig())).__name__ == "TransformersForecaster"


class Unresettable(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = torch.nn.Parameter(torch.ones(1))


@pytest.mark.parametrize(
    "network, said",
    [
        (3, "a network is a int"),
        (Unresettable(), "'scale', which no reset_parameters"),
        ("owner/none", "owner/none"),
        ("nothing.json", "cannot read"),
        ({"depths": [1]}, "model_type"),
    ],
)
def test_no_network_is_refused_before_data_are_read(hub, network, said):
    with pytest.raises((UserError, HubError), match=said) as caught:
        hf_distill.distill("nowhere at all", network=network)
    assert "\n" not in str(caught.value)


def test_a_network_of_ones_own_makes_and_measures_a_set():
    made = hf_distill.distill((X, Y), per_class=2, network=Small, progress=False)
    assert made.config["evaluator"]["init_args"]["networks"][0]["init_args"]["name"] == "Small"
    # Its record names code, which is not imported; who measures brings the network.
    with pytest.raises(UserError, match="trust_record"):
        hf_distill.evaluate(made, (X, Y))
    made.config["evaluator"]["init_args"].update(seeds=1, full=0, baselines=[], recipe=Recipe(epochs=2).config())
    (row,) = hf_distill.evaluate(made, (X, Y), networks=[Small], progress=False).rows
    assert row["network"] == "Small"
    with pytest.raises(UserError, match="DLinear does not classify"):
        hf_distill.distill((X, Y), per_class=2, network="DLinear", progress=False)


def test_open_data_are_given_to_the_constructor():
    table = Dataset.from_dict(TABLE)
    splits = DatasetDict(train=table, held=table.select(range(9)))
    real = RealData(splits, test_split="held").setup()
    assert (len(real.train), len(real.test)) == (60, 9)
    assert len(RealData(pd.DataFrame(TABLE)).setup().train) == 60 and RealData((X, Y)).setup().spec.shape == (4,)
    stream = RealData(table.to_iterable_dataset()).setup()
    assert stream.is_stream and (stream.path, stream.streaming) == ("in-memory", True)
    assert RealData("digits").path == "digits" and "data" not in RealData(table).config()["init_args"]
    with pytest.raises(UserError, match="has no split 'train'; it has a"):
        RealData(DatasetDict(a=table))
    with pytest.raises(UserError, match="data is a int"):
        RealData(3)
