from __future__ import annotations

import pytest
import torch

from hf_distill.errors import UserError
from hf_distill.networks import CustomNetwork

HERE = "tests.networks.sample_networks"


@pytest.fixture(autouse=True)
def importable(monkeypatch, request):
    monkeypatch.syspath_prepend(str(request.config.rootpath))


def test_features_enter_the_last_linear_layer():
    network = CustomNetwork(function=f"{HERE}:linear_last", kwargs={"hidden": 5}).build((1, 4, 4), 3, seed=1)
    x = torch.randn(2, 1, 4, 4)
    assert network.features(x).shape == (2, 5)
    torch.testing.assert_close(network(x), network.head(network.features(x)))


@pytest.mark.parametrize("name, shape", [("no_linear_last", (1, 4, 4)), ("only_linear", (4,))])
def test_without_a_linear_head_it_classifies_only(name, shape):
    network = CustomNetwork(function=f"{HERE}:{name}").build(shape, 3, seed=1)
    assert network(torch.randn(2, *shape)).shape == (2, 3)
    with pytest.raises(UserError, match="no features"):
        network.features(torch.randn(2, *shape))


@pytest.mark.parametrize(
    "function, message",
    [
        (f"{HERE}:wrong_outputs", r"must return logits of shape \(2, 3\)"),
        (f"{HERE}:no_module", "must return a torch.nn.Module"),
        (f"{HERE}:absent", "has no 'absent'"),
        ("no_such_package.module:build", "cannot import"),
        ("no_colon", "no import path"),
    ],
)
def test_errors(function, message):
    with pytest.raises(UserError, match=message):
        CustomNetwork(function=function).build((1, 4, 4), 3, seed=0)


def test_label():
    assert CustomNetwork(function="a.b:net").label == "net"
    assert CustomNetwork(function="a.b:net", name="mine").label == "mine"
