"""What every architecture must do."""

from __future__ import annotations

import inspect
import json

import pytest
import torch

from hf_distill.networks.base import Architecture
from hf_distill.parts import Part, concrete

ARCHITECTURES = {cls.__name__: cls for cls in concrete(Architecture)}
VIT = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 8, "patch_size": 4}
# Arguments for what cannot be built without any, or is needlessly large.
ARGUMENTS = {
    "ConvNet": [{"width": 8}, {"width": 8, "norm": "batch"}],
    "AlexNet": [{"norm": "instance"}, {"norm": "batch"}, {}],
    "VGG11": [{"norm": "instance"}, {"norm": "batch"}],
    "ResNet18": [{"norm": "instance"}, {"norm": "batch"}],
    "TransformersClassifier": [{"model": {"model_type": "vit", **VIT}}],
    "MelNetwork": [{"bands": 8, "sampling_rate": 8000}],
    "TextNet": [{}, {"window": 3, "tokens": 50}],
    "FramesNetwork": [{"width": 4}],
    "ConvNet1d": [{"width": 8}, {"width": 8, "norm": "batch"}],
    "CustomNetwork": [{"function": "tests.networks.sample_networks:linear_last"}],
}
CASES = [(name, arguments) for name in ARCHITECTURES for arguments in ARGUMENTS.get(name, [{}])]
SHAPES = [(1, 8, 8), (1, 28, 28), (3, 32, 32), (3, 64, 64)]
# Of what takes no images.
SHAPES_OF = {
    "MelNetwork": [(800,), (1601,)],
    "TextNet": [(8,), (64,)],
    "MixedNetwork": [(8,), (64,)],
    "ConvNet1d": [(1, 24), (6, 100)],
    "FramesNetwork": [(4, 1, 8, 8), (12, 3, 32, 24), (1, 1, 8, 8)],
}


@pytest.fixture(autouse=True)
def importable(monkeypatch, request):
    monkeypatch.syspath_prepend(str(request.config.rootpath))


@pytest.fixture(params=CASES, ids=lambda case: f"{case[0]}-{'-'.join(map(str, case[1].values()))}"[:40])
def architecture(request):
    name, arguments = request.param
    return ARCHITECTURES[name](**arguments)


def shapes_of(architecture):
    return SHAPES_OF.get(type(architecture).__name__, SHAPES)


@pytest.mark.parametrize("place", range(len(SHAPES)))
def test_shapes_and_features(architecture, place):
    shapes = shapes_of(architecture)
    shape = shapes[place % len(shapes)]
    network = architecture.build(shape, 7, seed=3).eval()
    x = torch.randn(2, *shape, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        logits, features = network(x), network.features(x)
        assert logits.shape == (2, 7)
        assert features.dim() == 2 and len(features) == 2
        torch.testing.assert_close(network.head(features), logits)
    assert torch.isfinite(logits).all() and logits[0].ne(logits[1]).any()


def test_the_seed_alone_decides(architecture):
    before = torch.random.get_rng_state()
    one, two, other = (architecture.build(shapes_of(architecture)[0], 4, seed=s).state_dict() for s in (5, 5, 6))
    assert torch.equal(torch.random.get_rng_state(), before)
    assert all(torch.equal(one[k], two[k]) for k in one)
    assert any(not torch.equal(one[k], other[k]) for k in one)


def test_every_parameter_learns(architecture):
    shape = shapes_of(architecture)[0]
    network = architecture.build(shape, 4, seed=0)
    x = torch.randn(4, *shape, generator=torch.Generator().manual_seed(0))
    torch.nn.functional.cross_entropy(network(x), torch.arange(4)).backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in network.parameters())


def test_configuration_round_trip(architecture):
    described = json.loads(json.dumps(architecture.config()))
    rebuilt = ARCHITECTURES[described["class_path"]](**described["init_args"])
    assert rebuilt.config() == architecture.config()
    if not any(isinstance(value, Part) for value in vars(architecture).values()):  # described, those stay dictionaries
        assert rebuilt.label == architecture.label


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_constructors_are_keyword_only(name):
    parameters = list(inspect.signature(ARCHITECTURES[name].__init__).parameters.values())[1:]
    assert all(p.kind is inspect.Parameter.KEYWORD_ONLY for p in parameters)
