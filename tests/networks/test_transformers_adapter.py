from __future__ import annotations

import json

import pytest
import torch

from hf_distill.errors import UserError
from hf_distill.networks import MelNetwork, TransformersClassifier

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


AST = {
    "model_type": "audio-spectrogram-transformer",
    **{"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 8},
    **{"patch_size": 4, "frequency_stride": 4, "time_stride": 4},
}
WHISPER = {
    "model_type": "whisper",
    **{"d_model": 8, "encoder_layers": 1, "encoder_attention_heads": 2, "encoder_ffn_dim": 8, "decoder_layers": 1},
    **{"decoder_attention_heads": 2, "decoder_ffn_dim": 8, "vocab_size": 60, "pad_token_id": 0, "bos_token_id": 1},
    **{"eos_token_id": 2, "decoder_start_token_id": 1},
}
WAV2VEC2 = {
    "model_type": "wav2vec2",
    **{"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 8},
    **{"conv_dim": [4, 4], "conv_stride": [5, 4], "conv_kernel": [10, 8], "num_conv_pos_embeddings": 4},
    **{"num_conv_pos_embedding_groups": 2, "classifier_proj_size": 6, "num_feat_extract_layers": 2},
}


@pytest.mark.parametrize("model", [AST, WHISPER], ids=["ast", "whisper"])
def test_spectrograms(model):
    network = MelNetwork(network=TransformersClassifier(model=model), sampling_rate=8000, bands=16, frames=8)
    built = network.build((1600,), 5, seed=0).eval()
    x = torch.randn(2, 1600)
    assert (
        built(x).shape == (2, 5) and built(x)[0].ne(built(x)[1]).any() and network.label == f"Mel{model['model_type']}"
    )
    with pytest.raises(UserError, match=r"classifies spectrograms, not sounds of .*: make it the network of a MelNet"):
        network.network.build((1600,), 5, seed=0)


def test_waveforms():
    network = TransformersClassifier(model=WAV2VEC2).build((1600,), 5, seed=0).eval()
    x = torch.randn(2, 1600)
    assert network(x).shape == (2, 5) and network.features(x).shape == (2, 6)
    with pytest.raises(UserError, match=r"wav2vec2 classifies sounds \(samples,\), not inputs of shape \(1, 8, 8\)"):
        TransformersClassifier(model=WAV2VEC2).build((1, 8, 8), 5, seed=0)


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
