"""The change of a slope is that of known functions, and is less where it is minimised."""

import pytest
import torch
from torch import nn

from hf_distill import MLP, Adam, LowCurvature, RealData, Recipe, SplitSource, train_networks
from hf_distill.errors import UserError
from hf_distill.seeding import Streams
from hf_distill.training.curvature import curvature
from tests.evaluation.sets import vectors

X = torch.randn(5, 3, generator=torch.Generator().manual_seed(0))


def test_of_a_plane_it_is_nothing_and_of_a_parabola_its_curvature():
    slope = torch.tensor([1.0, -2.0, 0.5])
    assert curvature(lambda x: x @ slope, X, 3.0).max() < 1e-5
    # grad of a |x|^2 is 2 a x: over a step of length h it changes by 2 a h.
    assert curvature(lambda x: 4 * x.square().sum(1), X, 3.0).tolist() == pytest.approx([24.0] * 5, rel=1e-5)


def test_it_can_be_minimised_in_the_samples_and_in_weights():
    x, weight = X.clone().requires_grad_(), torch.tensor(1.0, requires_grad=True)
    curvature(lambda x: weight * x.pow(4).sum(1), x, 0.1).sum().backward()
    assert x.grad.abs().min() > 0 and weight.grad > 0


def test_whole_numbers_are_refused():
    with pytest.raises(UserError, match="quantities"):
        curvature(lambda x: x.sum(1), torch.zeros(2, 3, dtype=torch.int64), 1.0)


@pytest.mark.parametrize("strategy", ["together", "sequential"])
def test_networks_learn_as_much_with_a_flatter_loss(strategy):
    real = RealData.from_dataset(vectors(60, 0), vectors(30, 1)).setup()
    train = real.train.batch(torch.arange(60))
    found = []
    for weight in (0.0, 1.0):
        networks = [MLP(width=16).build_for(real.spec, k) for k in range(2)]
        recipe = Recipe(epochs=100, batch_size=60, optimizer=Adam(lr=0.01), loss=LowCurvature(weight=weight, step=1.0))
        sources = [SplitSource(real.train, real.spec)] * 2
        train_networks(networks, sources, [Streams(0), Streams(1)], recipe=recipe, strategy=strategy)
        network = networks[1]
        bent = curvature(lambda x: nn.functional.cross_entropy(network(x), train.y, reduction="none"), train.x, 1.0)  # noqa: B023
        found.append((bent.mean().item(), (network(train.x).argmax(1) == train.y).double().mean().item()))
    assert found[1][0] < 0.8 * found[0][0] and min(accuracy for _, accuracy in found) > 0.9
