"""The card's script trains the network that the evaluator trains: the same first weights, steps and outputs."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest
import torch
from datasets import Features, Value

from hf_distill.data.kinds.tokenizer import trained
from hf_distill.hub import DistilledDataset
from hf_distill.hub.card import render_card
from hf_distill.networks import MLP, ConvNet, ConvNet1d, FramesNetwork, MelNetwork, MixedNetwork, TextNet
from hf_distill.seeding import Streams
from hf_distill.synthetic import MixedSet, TokenSet
from hf_distill.training import AdamW, Cosine, Recipe, StepDecay, TensorSource, train_networks
from tests.hub.conftest import (
    audio_spec,
    columns_spec,
    frames_spec,
    image_spec,
    make,
    mixed_spec,
    signal_spec,
    vector_spec,
    with_labels,
    with_values,
)

RECIPES = (Recipe(steps=6, optimizer=AdamW(lr=0.05), schedule=Cosine()), Recipe(epochs=5, schedule=StepDecay(at=0.4)))


def texts() -> DistilledDataset:
    features = Features({"features": Value("string"), "label": Value("string")}).to_dict()
    about = {"tokenizer": trained(["a b", "c d e"], 10), "tokens": 10, "mean_bytes": 4.0}
    changes = {"kind": "text", "task": "text-classification", "shape": (4,), "mean": (0.0,), "std": (1.0,)}
    spec = replace(vector_spec(), features=features, about=about, **changes)
    synthetic, x = TokenSet(per_class=1), torch.tensor([[2.0, 3, 4, 0], [5, 3, 0, 0]])
    synthetic.initialize(x, torch.tensor([0, 1]), spec)
    return DistilledDataset.from_synthetic(synthetic)


def several() -> DistilledDataset:
    spec, synthetic = mixed_spec(), MixedSet(per_class=1)
    tokens = torch.tensor([[2.0, 3, 4, 0], [5, 3, 0, 0]])
    x = torch.cat((torch.randn(2, spec.shape[0] - 4, generator=torch.Generator().manual_seed(0)), tokens), 1)
    synthetic.initialize(x, torch.tensor([0, 1]), spec)
    return DistilledDataset.from_synthetic(synthetic)


SETS = {
    "images": (lambda: make(image_spec()), ConvNet(width=4, depth=1)),
    "vectors": (lambda: make(vector_spec()), MLP(width=6)),
    "values": (lambda: make(with_values(vector_spec())), MLP(width=6)),
    "labels": (lambda: make(with_labels(vector_spec())), MLP(width=6)),
    "columns": (lambda: make(columns_spec()), MLP(width=6)),
    "texts": (texts, TextNet(width=4, hidden=5)),
    "sounds": (lambda: make(audio_spec()), MelNetwork(network=ConvNet(width=2, depth=1), bands=8, frames=16)),
    "videos": (lambda: make(frames_spec(3, 1, 8)), FramesNetwork(width=2)),
    "series": (lambda: make(signal_spec()), ConvNet1d(width=2, depth=1)),
    "several columns": (several, MixedNetwork(branches={"img": ConvNet(width=4, depth=1)}, width=5)),
}
METRICS = {"values": "r2", "labels": "label_f1"}


@pytest.mark.parametrize("recipe", RECIPES, ids=["steps", "epochs"])
@pytest.mark.parametrize("kind", SETS)
def test_it_trains_what_the_evaluator_trains(kind, recipe, tmp_path):
    made, network = SETS[kind][0](), SETS[kind][1]
    made = DistilledDataset.from_pretrained(made.save_pretrained(tmp_path / "set"))
    spec, recipe = made.spec, recipe.suited(made.spec)
    ours = network.build_for(spec, Streams(3).seed_for("network"))
    train_networks([ours], [TensorSource(made.batch())], [Streams(3)], recipe=recipe.for_samples(len(made)))

    protocol = {"networks": [network.config()], "recipe": {**recipe.config(), "epochs": recipe.total_epochs}, "seed": 3}
    metric = METRICS.get(spec.target, "accuracy")
    row = {"network": network.label, "metric": metric, "labels": "hard", "seeds": 2, "mean": 0.5, "std": 0.1}
    record = json.loads((tmp_path / "set" / "distillation.json").read_text())
    card = render_card({**record, "evaluation": {"protocol": protocol, "rows": [row]}})
    script = re.findall(r"```python\n(.*?)```", card, re.S)[1]
    there: dict = {"__name__": "card"}
    exec(script.partition("\ntest = ")[0].replace("path/to/this/folder", str(tmp_path / "set")), there)
    batch = made.batch()
    torch.testing.assert_close(there["x"].float(), batch.x.float(), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(there["y"], batch.y, rtol=1e-4, atol=1e-5)
    # By what they say: a bias before a normalisation has no gradient but rounding.
    with torch.no_grad():
        torch.testing.assert_close(there["network"](there["x"]), ours(batch.x), rtol=2e-3, atol=2e-3)


def test_of_two_networks_for_texts_it_is_the_one_of_the_row(tmp_path):
    made = texts()
    record = json.loads((made.save_pretrained(tmp_path / "set") / "distillation.json").read_text())
    networks = [TextNet(width=4), TextNet(width=4, window=3)]
    protocol = {"networks": [one.config() for one in networks], "recipe": {**Recipe().config(), "epochs": 3}, "seed": 0}
    rows = [{"network": one.label, "metric": "accuracy", "labels": "hard", "mean": 0.5, "std": 0.1} for one in networks]
    card = render_card({**record, "evaluation": {"protocol": protocol, "rows": rows}})
    assert "The first TextNet of the table by its recipe" in card
