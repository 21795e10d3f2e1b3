from __future__ import annotations

import json

import pytest
import torch

from hf_distill.errors import UserError
from hf_distill.networks import TransformersClassifier

RESNET = {"model_type": "resnet", "depths": [1, 1], "hidden_sizes": [8, 16], "embedding_size": 8, "layer_type": "basic"}
VIT = {
    "model_type": "vit",
    "hidden_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "patch_size": 4,
}


@pytest.mark.parametrize(
    "model, shape, features", [(RESNET, (1, 28, 28), 16), (VIT, (3, 8, 8), 16), (VIT, (1, 8, 12), 16)]
)
def test_follows_the_data(model, shape, features):
    network = TransformersClassifier(model=model).build(shape, 5, seed=0)
    x = torch.randn(2, *shape)
    network.eval()
    assert network(x).shape == (2, 5)
    assert network.features(x).shape == (2, features)


def test_from_a_folder(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps(RESNET))
    architecture = TransformersClassifier(model=str(tmp_path))
    assert architecture.label == "resnet"
    assert architecture.config()["init_args"]["model"] == RESNET


@pytest.mark.parametrize(
    "model, shape, message",
    [
        ({"depths": [1]}, (1, 8, 8), "model_type"),
        ({"model_type": "no-such"}, (1, 8, 8), "no model_type 'no-such'"),
        ({"model_type": "bert"}, (1, 8, 8), "no image classifier"),
        (RESNET, (64,), "choose MLP"),
        ("/no/such/file.json", (1, 8, 8), "cannot read"),
        (VIT | {"patch_size": 16}, (1, 8, 8), "does not run on inputs of shape"),
    ],
)
def test_errors(model, shape, message):
    with pytest.raises(UserError, match=message):
        TransformersClassifier(model=model).build(shape, 5, seed=0)
