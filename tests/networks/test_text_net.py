from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from hf_distill.errors import UserError
from hf_distill.networks import MLP, TextNet
from hf_distill.networks.default import default_network
from tests.texts import small_texts

NETWORKS = [TextNet(tokens=30), TextNet(tokens=30, window=3)]


def ids(generator=0):
    return torch.randint(1, 30, (4, 9), generator=torch.Generator().manual_seed(generator)).float()


@pytest.mark.parametrize("architecture", NETWORKS, ids=lambda own: own.label)
def test_shares_of_tokens_are_read_as_numbers_are(architecture):
    network, x = architecture.build((9,), 3, seed=0).eval(), ids()
    x[:, 6:] = 0
    torch.testing.assert_close(network(F.one_hot(x.long(), 30).float()), network(x))


@pytest.mark.parametrize("architecture", NETWORKS, ids=lambda own: own.label)
def test_padding_counts_for_nothing(architecture):
    network, x = architecture.build((9,), 3, seed=0).eval(), ids()
    longer = F.pad(x, (0, 5))
    torch.testing.assert_close(network(longer), network(x))
    assert network(torch.zeros(2, 9)).isfinite().all()


@pytest.mark.parametrize("architecture", NETWORKS, ids=lambda own: own.label)
def test_shares_have_a_gradient(architecture):
    network = architecture.build((9,), 3, seed=0)
    x = F.one_hot(ids().long(), 30).float().requires_grad_()
    network(x).logsumexp(1).sum().backward()
    assert x.grad is not None and x.grad.isfinite().all() and (x.grad.flatten(1).abs().sum(1) > 0).all()


def test_the_mean_knows_no_order_and_the_window_does():
    x = ids()
    for architecture, same in zip(NETWORKS, (True, False), strict=True):
        network = architecture.build((9,), 3, seed=0).eval()
        assert torch.allclose(network(x), network(x.flip(1)), atol=1e-6) is same


def test_numbers_beyond_the_vectors_wrap_around():
    network, x = TextNet(tokens=30).build((9,), 3, seed=0).eval(), ids()
    torch.testing.assert_close(network(x + 30), network(x))
    torch.testing.assert_close(network(F.one_hot(x.long() + 30, 70).float()), network(x))


def test_the_data_tells_the_vocabulary():
    spec = small_texts().spec
    assert isinstance(default_network(spec), TextNet)
    network = TextNet(width=7).build_for(spec, 0)
    assert network.body.embedding.weight.shape == (spec.about["tokens"], 7)
    again = TextNet(width=7).build_for(spec, 0)
    assert torch.equal(network.body.embedding.weight, again.body.embedding.weight)


@pytest.mark.parametrize(
    "architecture, shape, message",
    [(TextNet(), (1, 8, 8), "choose MLP"), (TextNet(window=2), (8,), "0 or an odd number")],
)
def test_refusals(architecture, shape, message):
    with pytest.raises(UserError, match=message):
        architecture.build(shape, 3, seed=0)
    assert MLP().build(shape, 3, seed=0) is not None
