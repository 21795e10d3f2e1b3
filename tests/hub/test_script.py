"""The card's script is the training that the table was measured by."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from datasets import Dataset

from hf_distill.augment import FramesAugment, SiameseAugment, SoundAugment
from hf_distill.augment.base import AugmentParams
from hf_distill.augment.siamese import OPERATIONS
from hf_distill.data.preparing import held_out
from hf_distill.data.series_split import SeriesSplit
from hf_distill.hub.card import render_card
from hf_distill.hub.script import script_of
from hf_distill.hub.script import test_rows as rows_to_test_on
from hf_distill.networks import MLP, ConvNet, ConvNet1d, DLinear, FramesNetwork, MelNetwork, TextNet
from hf_distill.training import SGD, AdamW, Cosine, ForecastRecipe, Recipe, StepDecay
from tests.hub.conftest import Elsewhere, audio_spec, frames_spec, image_spec, make, signal_spec, vector_spec
from tests.hub.test_series_format import make as make_series
from tests.hub.test_series_format import series_spec

CARDS = Path(__file__).parents[2] / "model_cards"


def measured(network, recipe: Recipe, **row) -> dict:
    protocol = {"networks": [network.config()], "recipe": {**recipe.config(), "epochs": recipe.total_epochs}}
    row = {"network": network.label, "metric": "accuracy", "labels": "hard", "mean": 0.963, "std": 0.009, **row}
    return {"protocol": protocol, "rows": [row]}


def namespace_of(spec, network, recipe, tmp_path, monkeypatch, **row) -> dict:
    """Run the script of a card in this process and return what it made."""
    folder = make(spec).save_pretrained(tmp_path / "set")
    record = json.loads((folder / "distillation.json").read_text())
    card = render_card({**record, "evaluation": measured(network, recipe, **row)})
    assert f"The first {network.label} of the table by its recipe" in card and "96.3 ± 0.9 %" in card
    script = re.findall(r"```python\n(.*?)```", card, re.S)[1]
    namespace: dict = {"__name__": "card"}
    exec(re.sub("path/to/(this/folder|test/rows)", str(folder), script), namespace)
    return namespace


@pytest.mark.parametrize(
    "spec, network",
    [
        (image_spec(1, 28), ConvNet(width=4)),
        (image_spec(3, 11), ConvNet(width=4, depth=2, norm="batch")),
        (vector_spec(), MLP(width=6, depth=2)),
        (audio_spec(), MelNetwork(network=ConvNet(width=4, depth=2), bands=8, frames=16)),
        (frames_spec(3, 3, 9), FramesNetwork(width=2)),
        (signal_spec(2, 27), ConvNet1d(width=2, depth=2)),
        (signal_spec(1, 8), ConvNet1d(width=2, depth=1, norm="batch")),
    ],
    ids=["padded", "colour", "vectors", "sounds", "videos", "series", "one channel"],
)
def test_the_network_is_the_one_that_was_measured(spec, network, tmp_path, monkeypatch):
    there = namespace_of(spec, network, Recipe(epochs=1), tmp_path, monkeypatch)["network"]
    ours = network.build_for(spec, 0)
    assert [own.shape for own in ours.parameters()] == [own.shape for own in there.parameters()]
    for own, other in zip(ours.parameters(), there.parameters(), strict=True):
        other.data.copy_(own.data)
    x = torch.randn(5, *spec.shape)
    torch.testing.assert_close(there.train()(x), ours.train()(x), rtol=1e-4, atol=1e-5)


def test_a_network_for_texts_is_the_one_that_was_measured():
    spec = replace(vector_spec(), kind="text", task="text-classification", shape=(4,), about={"tokens": 9})
    script = script_of(spec, {"rows": 4, "evaluation": measured(TextNet(width=3, hidden=5), Recipe(epochs=1))})
    namespace = {"nn": torch.nn}
    exec("\n".join(script.network), namespace)
    ours, there = TextNet(width=3, hidden=5).build_for(spec, 0), namespace["network"]
    for own, other in zip(ours.parameters(), there.parameters(), strict=True):
        other.data.copy_(own.data)
    x = torch.tensor([[1, 2, 8, 0], [3, 0, 0, 0]])
    torch.testing.assert_close(there(x), ours(x.float()))


@pytest.mark.parametrize(
    "recipe",
    [
        Recipe(epochs=7, batch_size=4),
        Recipe(epochs=6, batch_size=4, schedule=Cosine(each="step"), optimizer=AdamW(lr=0.1)),
        Recipe(steps=5, schedule=StepDecay(at=0.3, to=0.5), optimizer=SGD(momentum=0)),
    ],
    ids=["drop", "cosine", "steps"],
)
def test_the_learning_rates_are_those_of_the_recipe(recipe, tmp_path, monkeypatch):
    rates = []
    kind = type(recipe.optimizer.make([torch.nn.Parameter(torch.zeros(1))]))
    step = kind.step

    def noted(self, *args):
        rates.append(self.param_groups[0]["lr"])
        return step(self, *args)

    monkeypatch.setattr(kind, "step", noted)
    namespace_of(image_spec(), MLP(width=2), recipe, tmp_path, monkeypatch)
    own = recipe.for_samples(6)
    total, per_epoch = own.total_steps(6), own.steps_per_epoch(6)
    assert rates == pytest.approx([own.rate(place, total, per_epoch) for place in range(total)])


@pytest.mark.parametrize(
    "spec, network, augment",
    [
        (audio_spec(200), MelNetwork(network=ConvNet(width=2, depth=1), bands=4, window=0.02), SoundAugment()),
        (frames_spec(2, 1, 8), FramesNetwork(width=2), FramesAugment(strategy="cutout_scale_rotate_flip")),
    ],
    ids=["sounds", "videos"],
)
def test_the_augmentation_of_other_kinds(spec, network, augment, tmp_path, monkeypatch):
    recipe = Recipe(epochs=1, augment=augment)
    there = namespace_of(spec, network, recipe, tmp_path, monkeypatch)["augmented"]
    x, u = torch.randn(5, *spec.shape), torch.rand(5, 3)
    monkeypatch.setattr(torch, "rand", lambda *shape: u.T[: shape[0]].reshape(shape))
    for name in augment.strategy.split("_"):
        expected = augment.apply(x, AugmentParams(((name, u),)))
        torch.testing.assert_close(there(x, name), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    "labels, target", [(["b", "a", "b", "c"] * 5 + ["a"] * 6, "classes"), ([1.5, 2.5] * 13, "values")]
)
def test_the_rows_held_out_are_those_that_were(labels, target, tmp_path):
    source = Dataset.from_dict({"number": list(range(26)), "label": labels})
    spec = replace(vector_spec(), target=target, label_column="label", source={"path": "t.csv", "test_fraction": 0.3})
    lines, said = rows_to_test_on(spec)
    assert "path of the source" in said
    namespace = {"torch": torch, "load_dataset": lambda *_, **__: source}
    exec("\n".join(lines), namespace)
    expected = held_out(source, "label" if target == "classes" else None, 0.3)[1]
    assert namespace["test"]["number"][:] == expected["number"][:] and len(expected) == 8


def test_the_augmentation_is_that_of_the_recipe(tmp_path, monkeypatch):
    augment = SiameseAugment()
    recipe = Recipe(epochs=1, augment=augment)
    there = namespace_of(image_spec(3, 8), ConvNet(width=2, depth=1), recipe, tmp_path, monkeypatch)["augmented"]
    x, u = torch.randn(9, 3, 8, 8), torch.rand(9, 3)
    monkeypatch.setattr(torch, "rand", lambda *shape: u.T.reshape(shape))
    monkeypatch.setattr(torch, "randint", lambda low, high, shape: torch.tensor([-1, 0, 1] * 3))
    for name in augment.operations:
        if name == "crop":  # the two shifts of an image are one number here
            found, middle = there(x, name), x[:, :, 1:-1, 1:-1]
            torch.testing.assert_close(found[0::3, :, 2:, 2:], middle[0::3], rtol=1e-4, atol=1e-5)
            torch.testing.assert_close(found[2::3, :, :-2, :-2], middle[2::3], rtol=1e-4, atol=1e-5)
        else:
            torch.testing.assert_close(there(x, name), OPERATIONS[name](augment, x, u), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    "path, value",
    [
        (("recipe", "init_args", "optimizer", "init_args", "lr"), "0.1); import os"),
        (("recipe", "init_args", "optimizer"), "their.SGD"),
        (("recipe", "epochs"), float("inf")),
        (("networks", 0, "init_args", "depth"), 10**8),
        (("networks", 0, "init_args", "norm"), "import os"),
        (("networks", 0, "class_path"), "their.Network"),
    ],
)
def test_a_strangers_protocol_writes_no_code(path, value):
    evaluation = json.loads(json.dumps(measured(ConvNet(width=4, depth=1), Recipe())))
    place = evaluation["protocol"]
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    script = script_of(image_spec(), {"rows": 6, "evaluation": evaluation})
    assert script.row is None and script == script_of(image_spec(), {"rows": 6})


@pytest.mark.parametrize(
    "spec, network, options",
    [
        (frames_spec(), FramesNetwork(), {"width": 10**8}),
        (frames_spec(), FramesNetwork(), {"norm": "import os"}),
        (audio_spec(), MelNetwork(), {"window": 1e8}),
        (audio_spec(), MelNetwork(), {"bands": 500}),
        (audio_spec(), MelNetwork(), {"network": {"class_path": "their.Net", "init_args": {}}}),
    ],
)
def test_a_strangers_network_is_neither_written_nor_made(spec, network, options):
    evaluation = json.loads(json.dumps(measured(network, Recipe())))
    evaluation["protocol"]["networks"][0]["init_args"].update(options)
    assert script_of(spec, {"rows": 6, "evaluation": evaluation}).row is None


@pytest.mark.slow
def test_the_digits_reach_the_number_of_their_card(elsewhere: Elsewhere, tmp_path, monkeypatch):
    from hf_distill.cli.main import run

    monkeypatch.chdir(tmp_path)
    assert run(["distill", "--config", "dm_digits", "--progress=false"]) == 0
    record = json.loads((CARDS / "dm_digits" / "distillation.json").read_text())
    row = record["evaluation"]["rows"][0]
    script = re.findall(r"```python\n(.*?)```", render_card(record), re.S)[1]
    script = script.replace("path/to/this/folder", str(tmp_path / "outputs" / "dm_digits"))
    found = elsewhere(
        f"import torch, random\ntorch.manual_seed(0); random.seed(0)\n{script}".replace('"accuracy ', '"')
    )
    assert abs(found - row["mean"]) < 3 * row["std"]


def test_a_series_is_trained_and_tested_as_it_was_measured(tmp_path):
    """With equal windows and weights the network's output is that of the library's, and so is the error."""
    spec = replace(series_spec(2), source={"path": "power.csv", "split": "train"}, borders=(60, 80, 120))
    folder = make_series(spec).save_pretrained(tmp_path / "set")
    network, recipe = DLinear(kernel=5), ForecastRecipe(steps=3)
    protocol = {
        "networks": [network.config()],
        "recipe": recipe.config(),
        "steps": {"distilled": 3},
        "windows_a_step": 32,
        "test_rows": [80, 120],
        "test_stride": 2,
    }
    row = {"network": "DLinear", "metric": "mse", "mean": 0.5, "std": 0.1}
    record = json.loads((folder / "distillation.json").read_text())
    card = render_card({**record, "evaluation": {"protocol": protocol, "rows": [row]}})
    assert "the table has 0.500 ± 0.100" in card
    values = np.random.default_rng(0).normal(size=(130, 2))
    pd.DataFrame(values, columns=spec.channels).to_csv(tmp_path / "power.csv", index=False)
    script = re.findall(r"```python\n(.*?)```", card, re.S)[1]
    script = script.replace("path/to/this/folder", str(folder)).replace(
        "path/to/power.csv", str(tmp_path / "power.csv")
    )
    made: dict = {"__name__": "card"}
    exec(script, made)
    ours = network.build(spec.lookback, spec.horizon, 2, 0)
    for place, part in enumerate((made["network"].rest, made["network"].trend)):
        ours.weight.data[place, 0], ours.bias.data[place, 0] = part.weight.data, part.bias.data
    test = SeriesSplit(
        spec.normalize(torch.from_numpy(values))[80 - spec.lookback : 120], spec.lookback, spec.horizon, 2
    )
    x, y = test.batch(torch.arange(len(test)))
    expected = (ours(x) - y).square().mean()
    assert torch.cat(made["errors"]).mean().item() == pytest.approx(expected.item(), rel=1e-4)
    assert made["optimizer"].param_groups[0]["lr"] == pytest.approx(recipe.lr * recipe.schedule.share(3, 3))
