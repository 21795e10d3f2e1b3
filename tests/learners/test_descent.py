"""The derivative of a descent, in double precision, against that of one graph."""

import pytest
import torch
from torch.func import functional_call

from hf_distill.learners.descent import descend, leaves, pull_back
from tests.objectives.sets import TINY


@pytest.fixture
def steps():
    """Five steps on batches of a set of soft labels, from the weights of a small network."""
    torch.manual_seed(0)
    network = TINY.build((1, 8, 8), 3, 0).double()
    x = torch.randn(6, 1, 8, 8, dtype=torch.float64, requires_grad=True)
    y = torch.rand(6, 3, dtype=torch.float64).softmax(1).requires_grad_()
    index = [torch.randint(6, (4,)) for _ in range(5)]

    def on(rows):
        return lambda weights: torch.nn.functional.cross_entropy(functional_call(network, weights, (x[rows],)), y[rows])

    target = [torch.randn_like(value) for value in network.parameters()]
    return [on(rows) for rows in index], dict(network.named_parameters()), target, (x, y)


def gap(weights, target):
    return torch.stack([(w - t).square().sum() for w, t in zip(weights.values(), target, strict=True)]).sum()


def test_backwards_step_by_step_is_the_gradient_of_the_graph(steps):
    losses, start, target, inputs = steps
    lr = torch.tensor(0.3, dtype=torch.float64, requires_grad=True)
    expected = torch.autograd.grad(gap(descend(losses, start, lr, graph=True)[-1], target), [*inputs, lr])
    path = descend(losses, start, lr.detach(), graph=False)
    end = torch.autograd.grad(gap(path[-1], target), list(path[-1].values()))
    found = pull_back(losses, path, end, inputs, lr)
    assert all(torch.allclose(a, b, rtol=1e-9, atol=1e-12) for a, b in zip(found, expected, strict=True))
    constant = pull_back(losses, path, end, inputs, lr, through_weights=False)
    assert not torch.allclose(constant[0], expected[0], rtol=1e-2)


def test_with_constant_weights_it_is_tesla(steps):
    """``2 (th_N - th*) . (- lr d g_i / d x)``, summed over the steps."""
    losses, start, target, inputs = steps
    lr = torch.tensor(0.3, dtype=torch.float64)
    path = descend(losses, start, lr, graph=False)
    end = [2 * (w - t).detach() for w, t in zip(path[-1].values(), target, strict=True)]
    expected = torch.zeros_like(inputs[0])
    for loss, weights in zip(losses, path, strict=False):
        own = leaves(weights)
        gradients = torch.autograd.grad(loss(own), list(own.values()), create_graph=True)
        product = sum((g * e).sum() for g, e in zip(gradients, end, strict=True))
        expected -= lr * torch.autograd.grad(product, inputs[0])[0]
    found = pull_back(losses, path, end, inputs, lr.requires_grad_(), through_weights=False)
    assert torch.allclose(found[0], expected, rtol=1e-9, atol=1e-12)
