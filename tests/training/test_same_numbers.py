"""A fixed seed gives the weights that it gave when every kind of training had a loop of its own (commit 38bc109)."""

from __future__ import annotations

import pytest
import torch

from hf_distill.augment import SiameseAugment
from hf_distill.data.batch import Batch
from hf_distill.data.real import RealData
from hf_distill.initialization import RelabeledSamples, TrainedPiece
from hf_distill.learners.task import task_of
from hf_distill.networks import MLP, ConvNet
from hf_distill.networks.forecasters import DLinear, ITransformer
from hf_distill.pools import PretrainedNetworks, Snapshots
from hf_distill.seeding import Streams
from hf_distill.synthetic.pixel import PixelSet
from hf_distill.training import (
    KL,
    SGD,
    Adam,
    AdamW,
    Constant,
    Cosine,
    ForecastRecipe,
    Recipe,
    Teacher,
    TensorSource,
    Windows,
    train_networks,
)
from tests.evaluation.sets import table
from tests.evaluation.test_forecasting import series

# Adam carries the last digits of a processor's convolutions to .002 of a digest; another seed moves it by .01 and more.
ANY_MACHINE = 4e-3


def digest(network: torch.nn.Module) -> float:
    weights = torch.cat([parameter.detach().flatten() for parameter in network.parameters()]).double()
    return float(weights @ torch.cos(torch.arange(len(weights), dtype=torch.float64)))


def images(soft: bool) -> Batch:
    """Eleven images of three classes with weights."""
    generator = torch.Generator().manual_seed(0)
    y = torch.arange(11) % 3
    x = torch.randn(11, 1, 8, 8, generator=generator) + y.view(-1, 1, 1, 1)
    y = torch.randn(11, 3, generator=generator).softmax(1) if soft else y
    return Batch.of(x, y, torch.linspace(0.5, 1.5, 11))


@pytest.mark.parametrize(
    "recipe, soft, expected",
    [
        (Recipe(epochs=6, batch_size=4, augment=SiameseAugment()), False, -4.992925378673131),
        (Recipe(epochs=7, optimizer=SGD(lr=0.05)), False, -5.003863420512825),
        (
            Recipe(
                epochs=5,
                batch_size=4,
                optimizer=AdamW(lr=0.003, weight_decay=0.01),
                schedule=Cosine(),
                loss=KL(temperature=4),
            ),
            True,
            -5.012252944093816,
        ),
        (
            Recipe(steps=10, batch_size=4, optimizer=Adam(lr=0.003, weight_decay=0.1), schedule=Constant()),
            False,
            -4.808914411326759,
        ),
    ],
)
def test_classifiers(recipe, soft, expected):
    network = ConvNet(width=4, depth=2).build((1, 8, 8), 3, 5)
    train_networks([network], [TensorSource(images(soft))], [Streams(3)], recipe=recipe)
    assert digest(network) == pytest.approx(expected, abs=ANY_MACHINE)


@pytest.mark.parametrize(
    "forecaster, recipe, expected",
    [
        (DLinear(), ForecastRecipe(steps=12, epochs=2), -0.07455283145615627),
        (
            ITransformer(width=8, hidden=8, heads=2, layers=1, dropout=0.3),
            ForecastRecipe(steps=9, epochs=0, batch_size=16, max_sequences=20, optimizer=Adam(lr=0.01)),
            -5.993377959282329,
        ),
    ],
)
def test_forecasters(forecaster, recipe, expected):
    noise = 0.1 * torch.randn(60, 2, generator=torch.Generator().manual_seed(1))
    x = torch.sin(torch.arange(60.0) / 3)[:, None] * torch.tensor([1.0, -0.5]) + noise
    network = forecaster.build(12, 4, 2, 0)
    train_networks([network], [Windows(x, 12, 4)], [Streams(4)], recipe=recipe)
    assert digest(network) == pytest.approx(expected, abs=ANY_MACHINE)


def test_teachers_pieces_and_pools():
    real = RealData.from_dataset(table(150, 0)).setup()
    usual = RelabeledSamples().recipe
    recipe = Recipe(epochs=2, batch_size=128, optimizer=usual.optimizer, schedule=usual.schedule)
    teachers = Teacher(count=2, network=MLP(width=8), recipe=recipe, seed=2).experts(real)
    assert [digest(own) for own in teachers.networks] == pytest.approx(
        [0.6185671746184632, 1.4154285752684896], abs=ANY_MACHINE
    )

    ours = series()
    pieces = [ours.train.values[at : at + 40] for at in (0, 50, 100)]
    usual = TrainedPiece().recipe
    short = ForecastRecipe(steps=15, epochs=0, optimizer=usual.optimizer, schedule=usual.schedule)
    costs = TrainedPiece(recipe=short).costs(ours, pieces, Streams(2))
    assert costs.tolist() == pytest.approx([-0.00873448, -0.07984495, -0.08634982], abs=1e-5)

    made = PixelSet(per_class=1)
    start = real.sample([0, 1, 2], 1, torch.Generator().manual_seed(0))
    made.initialize(start.x, start.y, real.spec)
    expert = PretrainedNetworks(network=MLP(width=8), steps=20).draw(task_of(real), made, Streams(2))
    assert digest(expert) == pytest.approx(0.590944607079378, abs=ANY_MACHINE)
    drawn = []
    for seed in range(3):
        bank = Snapshots(network=MLP(width=8), count=2, steps=20, every=10)
        drawn.append(digest(bank.draw(task_of(real), made, Streams(seed))))
    assert drawn == pytest.approx([-0.48559423693886405, 0.6460124051253202, -1.9124513138247308], abs=1e-5)
