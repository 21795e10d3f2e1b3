"""A network that has diverged is an error and never a result."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from hf_distill.data.batch import Batch
from hf_distill.errors import DivergenceError
from hf_distill.evaluation import ClassificationEvaluator, ForecastingEvaluator
from hf_distill.networks import MLP
from hf_distill.networks.forecasters import DLinear
from hf_distill.seeding import Streams
from hf_distill.training import SGD, Adam, Constant, ForecastRecipe, Recipe, TensorSource, Windows
from hf_distill.training.trainer import train_networks
from tests.evaluation.sets import distilled
from tests.evaluation.test_forecasting import published, series

CLASSES = 3


def source(scale: float = 1.0, seed: int = 0) -> TensorSource:
    x = torch.randn(12, 4, generator=torch.Generator().manual_seed(seed))
    return TensorSource(Batch.of(x * scale, torch.arange(12) % CLASSES))


def at_rate(recipe: Any, lr: float) -> Any:
    """A recipe at a rate that nobody may give."""
    recipe.optimizer.lr = lr
    return recipe


def train(recipe: Recipe, strategy: str = "sequential", count: int = 2, **scales: float) -> list[nn.Module]:
    networks = [MLP(width=8).build((4,), CLASSES, k) for k in range(count)]
    sources = [source(scales.get("last", 1.0) if k + 1 == count else 1.0) for k in range(count)]
    names = [f"network number {k}" for k in range(count)]
    train_networks(networks, sources, [Streams(k) for k in range(count)], recipe=recipe, strategy=strategy, names=names)
    return networks


@pytest.mark.parametrize("strategy", ["together", "sequential"])
def test_the_last_update_is_looked_at(strategy: str) -> None:
    """One step: the loss of it is that of the fresh network, and what it makes of the weights is nothing."""
    recipe = at_rate(Recipe(epochs=1, optimizer=Adam(), schedule=Constant()), 1e38)
    with pytest.raises(
        DivergenceError, match=r"network number 0: the weights are not finite.*recipe\.optimizer\.lr \(now 1e\+38\)"
    ):
        train(recipe, strategy)
    assert train(Recipe(epochs=1), strategy)


@pytest.mark.parametrize("strategy", ["together", "sequential"])
def test_the_network_that_is_far_worse_than_guessing_is_named(strategy: str) -> None:
    end = rf"the training loss is .* in the last epoch, and guessing costs {math.log(CLASSES):.3g}: "
    with pytest.raises(DivergenceError, match=rf"network number 1: {end}it was \d"):
        train(Recipe(epochs=3, optimizer=SGD(lr=1e-12)), strategy, last=1e4)
    with pytest.raises(DivergenceError, match=rf"number 0: {end}lower recipe\.optimizer\.lr \(now 30"):
        train(Recipe(epochs=3, optimizer=SGD(lr=30.0, momentum=0.0, weight_decay=0.0)), strategy)


def test_weights_of_samples_count_as_in_the_loss() -> None:
    """Samples that count a thousandfold make the loss a thousand times as large, and a network no worse."""
    network = MLP(width=8).build((4,), CLASSES, 0)
    batch = source().data
    heavy = TensorSource(Batch(batch.x, batch.y, torch.full((12,), 1000.0)))
    train_networks([network], [heavy], [Streams(0)], recipe=Recipe(epochs=2, optimizer=SGD(lr=1e-9)))


def test_before_the_first_update_it_is_not_the_rate() -> None:
    with pytest.raises(DivergenceError, match=r"network number 1: .*before the first update.*look at the values"):
        train(Recipe(epochs=2), last=math.inf)


@pytest.mark.parametrize("seeds", [1, 2])
def test_an_evaluation_names_network_source_seed_and_rate(real, artifact, seeds: int) -> None:
    options = {"networks": [MLP(width=8)], "seeds": seeds, "baselines": ["random"], "device": "cpu", "seed": 5}
    for lr in (1e3, 1e6):
        evaluator = ClassificationEvaluator(recipe=Recipe(epochs=4, optimizer=SGD(lr=lr)), **options)
        with pytest.raises(
            DivergenceError,
            match=rf"MLP on the (distilled|random) data, seed 5, network \d: .*now {re.escape(str(lr))}",
        ):
            evaluator.evaluate(artifact, real, progress=False)


class Overflows(nn.Module):
    """Finite weights whose outputs are not, as soon as it does not train."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out = self.inner(x)
        return out if self.training else out * math.inf


class Overflowing(MLP):
    def build(self, shape, num_classes, seed):
        return Overflows(super().build(shape, num_classes, seed))


def test_outputs_on_the_test_data_are_looked_at(vector_real, tmp_path) -> None:
    folder = distilled(vector_real, 2).save_pretrained(tmp_path / "set")
    evaluator = ClassificationEvaluator(
        networks=[Overflowing(width=8)], seeds=1, recipe=Recipe(epochs=2), baselines=[], device="cpu"
    )
    with pytest.raises(DivergenceError, match="Overflowing on the distilled data, seed 0, network 0: its outputs on"):
        evaluator.evaluate(folder, vector_real, progress=False)


def forecaster(recipe: ForecastRecipe, change: Callable[[torch.Tensor], torch.Tensor] = lambda x: x) -> nn.Module:
    network = DLinear().build(12, 4, 2, 0)
    data = Windows(change(torch.randn(40, 2, generator=torch.Generator().manual_seed(0))), 12, 4)
    train_networks([network], [data], [Streams(0)], recipe=recipe)
    return network


def test_a_forecaster_far_worse_than_zero_has_diverged() -> None:
    with pytest.raises(DivergenceError, match=r"guessing costs 1\.\d+: lower recipe\.optimizer\.lr \(now 1000"):
        forecaster(ForecastRecipe(steps=20, epochs=0, optimizer=Adam(lr=1e3)))
    with pytest.raises(DivergenceError, match=r"the weights are not finite after training: lower"):
        forecaster(at_rate(ForecastRecipe(steps=1, epochs=0), 1e39))
    with pytest.raises(DivergenceError, match=r"before the first update.*look at the values"):
        forecaster(ForecastRecipe(steps=60, epochs=0), lambda x: x * 1e30)
    forecaster(ForecastRecipe(steps=1, epochs=0, optimizer=Adam(lr=1e-9)), lambda x: x * 1e6)  # no worse than zero
    forecaster(ForecastRecipe(steps=1, epochs=0, optimizer=Adam(lr=1e-9)), lambda x: x * 0)


def test_a_forecasting_evaluation_names_the_seed() -> None:
    real = series()
    made = published(real, torch.randn(60, 2, generator=torch.Generator().manual_seed(0)))
    evaluator = ForecastingEvaluator(
        networks=[DLinear()],
        seed=7,
        baselines=["random"],
        recipe=ForecastRecipe(steps=5, epochs=0, optimizer=Adam(lr=1e4)),
    )
    with pytest.raises(DivergenceError, match=r"DLinear on the distilled data, seed 7, network 0: "):
        evaluator.evaluate(made, real, progress=False)


class Sum:
    """What is asked of a network: the sum of its weights."""

    def __call__(self, network: nn.Module) -> float:
        return float(sum(weight.detach().sum() for weight in network.parameters()))


@pytest.mark.parametrize("strategy", ["together", "sequential"])
def test_who_wants_to_know_gets_errors_instead_of_one(strategy: str) -> None:
    """One of three diverges: the others are what they are without it, and each is told apart."""

    def some(scales: list[float]) -> tuple[list[nn.Module], Any]:
        networks = [MLP(width=8).build((4,), CLASSES, k) for k in range(len(scales))]
        sources = [source(scale) for scale in scales]
        streams = [Streams(k) for k in range(len(scales))]
        options = {"strategy": strategy, "measure": Sum(), "tolerant": True}
        return networks, train_networks(networks, sources, streams, recipe=Recipe(epochs=3), **options)

    networks, trained = some([1.0, math.inf, 1.0])
    assert [error is None for error in trained.errors] == [True, False, True]
    assert "network 1: " in str(trained.errors[1]) and trained.measured[1] is None
    others, alike = some([1.0, 1.0, 1.0])
    for k in (0, 2):
        assert trained.measured[k] == pytest.approx(Sum()(networks[k])) == pytest.approx(alike.measured[k], abs=1e-4)
        assert Sum()(networks[k]) == pytest.approx(Sum()(others[k]), abs=1e-4) and not networks[k].training
