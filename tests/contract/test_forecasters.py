"""What every forecaster must do."""

from __future__ import annotations

import inspect
import json

import pytest
import torch

from hf_distill.networks.forecasters.base import Forecaster
from hf_distill.parts import concrete, rebuilt

FORECASTERS = {cls.__name__: cls for cls in concrete(Forecaster)}
PATCHTST = {"d_model": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "ffn_dim": 8, "patch_length": 4}
ARGUMENTS = {
    "DLinear": [{}, {"individual": True, "uniform": False}],
    "ITransformer": [{"width": 16, "hidden": 16, "heads": 2}],
    "TransformersForecaster": [
        {"model": {"model_type": "patchtst", **PATCHTST}},
        {"model": {"model_type": "patchtsmixer", "d_model": 8, "num_layers": 1, "patch_length": 4}},
    ],
}
CASES = [(name, arguments) for name in FORECASTERS for arguments in ARGUMENTS.get(name, [{}])]
# Look-back, horizon, channels.
SIZES = [(96, 96, 7), (24, 5, 1), (37, 12, 3)]
DISTILLED_THROUGH = ("DLinear", "RevLinear", "RevMLP", "RevPatch", "RevMix")


@pytest.fixture(params=CASES, ids=lambda case: f"{case[0]}-{'-'.join(map(str, case[1].values()))}"[:40])
def forecaster(request):
    name, arguments = request.param
    return FORECASTERS[name](**arguments)


def windows(batch, lookback, channels):
    return torch.randn(batch, lookback, channels, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_shapes(forecaster, size):
    lookback, horizon, channels = size
    network = forecaster.build(*size, seed=3)
    assert network.training
    with torch.no_grad():
        y = network.eval()(windows(4, lookback, channels))
    assert y.shape == (4, horizon, channels) and torch.isfinite(y).all() and y[0].ne(y[1]).any()


def test_the_seed_alone_decides(forecaster):
    before = torch.random.get_rng_state()
    one, two, other = (forecaster.build(24, 8, 2, seed=s).state_dict() for s in (5, 5, 6))
    assert torch.equal(torch.random.get_rng_state(), before)
    assert all(torch.equal(one[k], two[k]) for k in one)
    assert any(not torch.equal(one[k], other[k]) for k in one)


def test_every_parameter_learns(forecaster):
    network = forecaster.build(24, 8, 2, seed=0)
    (network(windows(4, 24, 2)) - 1).square().mean().backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in network.parameters() if p.requires_grad)


def test_configuration_round_trip(forecaster):
    described = json.loads(json.dumps(forecaster.config()))
    again = rebuilt(described, Forecaster)
    assert again.config() == forecaster.config()
    assert again.label == forecaster.label


@pytest.mark.parametrize("name", FORECASTERS)
def test_constructors_are_keyword_only(name):
    parameters = list(inspect.signature(FORECASTERS[name].__init__).parameters.values())[1:]
    assert all(p.kind is inspect.Parameter.KEYWORD_ONLY for p in parameters)


@pytest.mark.parametrize("name", DISTILLED_THROUGH)
def test_the_small_ones_have_second_derivatives(name):
    """The gradient of a loss after one training step, with respect to the training windows, equals its difference."""
    network = FORECASTERS[name]().build(24, 8, 2, seed=0).double()
    x, y = windows(4, 32, 2).double().split((24, 8), 1)
    parameters = dict(network.named_parameters())

    def after_a_step(x):
        loss = (torch.func.functional_call(network, parameters, (x,)) - y).square().mean()
        gradients = torch.autograd.grad(loss, list(parameters.values()), create_graph=True)
        moved = {k: p - 0.1 * g for (k, p), g in zip(parameters.items(), gradients, strict=True)}
        return torch.func.functional_call(network, moved, (y.new_ones(1, 24, 2).cumsum(1),)).square().mean()

    variable = x.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(after_a_step(variable), variable)
    way = torch.zeros_like(x)
    way[1, 3, 0] = 1e-5
    numeric = (after_a_step(x + way) - after_a_step(x - way)) / 2e-5
    torch.testing.assert_close(gradient[1, 3, 0], numeric.detach(), rtol=1e-4, atol=1e-9)
    assert gradient.abs().max() > 0
