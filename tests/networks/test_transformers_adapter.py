from __future__ import annotations

import json

import pytest
import torch
import torch.nn.functional as F

from hf_distill.errors import UserError
from hf_distill.evaluation import ClassificationEvaluator
from hf_distill.features import PixelFeatures
from hf_distill.methods import OptimizedDistillation, Run
from hf_distill.networks import MelNetwork, TransformersClassifier
from hf_distill.objectives import UnrolledMatching
from hf_distill.pools import TrainedOnSet
from hf_distill.synthetic import TokenSet
from hf_distill.training import Recipe
from tests.texts import small_texts

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


PATCHES = {"d_model": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "ffn_dim": 8, "num_layers": 1}


@pytest.mark.parametrize("kind", ["patchtst", "patchtsmixer"])
def test_series_with_a_class(kind):
    model = {"model_type": kind, "patch_length": 4, "patch_stride": 4, **PATCHES}
    network = TransformersClassifier(model=model).build((2, 24), 5, seed=0).eval()
    x = torch.randn(3, 2, 24)
    assert network(x).shape == (3, 5) and network(x)[0].ne(network(x)[1]).any()
    torch.testing.assert_close(network.head(network.features(x)), network(x))
    with pytest.raises(UserError, match=rf"{kind} classifies series \(channels, steps\), not inputs of"):
        TransformersClassifier(model=model).build((1, 8, 8), 5, seed=0)


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


SMALL = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 8}
TEXTS = {
    "bert": {"model_type": "bert", **SMALL, "hidden_dropout_prob": 0.0},
    "gpt2": {"model_type": "gpt2", "n_embd": 8, "n_layer": 1, "n_head": 2},
    "distilbert": {"model_type": "distilbert", "dim": 8, "n_layers": 1, "n_heads": 2, "hidden_dim": 8},
}


@pytest.mark.parametrize("name", TEXTS)
def test_texts(name):
    spec = small_texts().spec
    built = TransformersClassifier(model=TEXTS[name]).build_for(spec, 0).eval()
    x = small_texts().train.batch(torch.arange(2)).x
    assert built.body.model.get_input_embeddings().weight.shape[0] == spec.about["tokens"]
    assert built(x).shape == (2, 2) and built(x)[0].ne(built(x)[1]).any()
    shares = F.one_hot(x.long(), spec.about["tokens"]).float().requires_grad_()
    if name != "gpt2":  # which finds the last token by the numbers
        torch.testing.assert_close(built(shares), built(x))
        # Padding does not count.
        torch.testing.assert_close(built(F.pad(x, (0, 1))[:, : x.shape[1]]), built(x))
    built(shares).logsumexp(1).sum().backward()
    assert shares.grad.abs().sum() > 0


def test_a_text_classifier_is_distilled_for_and_measured(tmp_path):
    real = small_texts()
    network = TransformersClassifier(model=TEXTS["bert"])
    objective = UnrolledMatching(pool=TrainedOnSet(networks=[network], steps=2, size=1), real_batch=4)
    synthetic = TokenSet(per_class=1, learned=True, length=3)
    method = OptimizedDistillation(synthetic=synthetic, objective=objective, steps=2, optimizer="adam")
    made = method.distill(real, Run(progress=False))
    evaluator = ClassificationEvaluator(
        networks=[network], seeds=2, full=0, baselines=["random", "kmeans", "herding", "class_mean"]
    )
    evaluator.recipe = Recipe(steps=2)
    evaluator.features = PixelFeatures()
    rows = evaluator.evaluate(made, real, progress=False).rows
    assert rows[0]["network"] == "bert" and "random_mean" in rows[0] and "class_mean_mean" not in rows[0]
