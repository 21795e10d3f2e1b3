import pytest
import torch
from datasets import Dataset

from hf_distill.data import SeriesData
from hf_distill.errors import UserError
from hf_distill.initialization import TrainedPiece
from hf_distill.networks.forecasters import DLinear
from hf_distill.seeding import Streams
from hf_distill.training import Adam, Constant, ForecastRecipe

RECIPE = ForecastRecipe(steps=40, epochs=0, optimizer=Adam(lr=1e-2), schedule=Constant())
SMALL = {"candidates": 6, "recipe": RECIPE, "networks": [DLinear(kernel=3)]}


def series(values):
    table = Dataset.from_dict({"a": values.tolist(), "b": (2 * values).tolist()})
    return SeriesData.from_dataset(table, lookback=8, horizon=2, splits=[600, 660, 720]).setup()


@pytest.fixture(scope="module")
def half_dead():
    """A sine that a dead sensor interrupts for half of the training rows."""
    values = torch.sin(torch.arange(720.0) / 2)
    values[100:400] = 0
    return series(values)


def test_a_piece_that_teaches_something_is_chosen(half_dead):
    values = half_dead.train.values
    for seed in range(3):
        batch = TrainedPiece(**SMALL).draw(half_dead, 30, Streams(seed))
        x, y = batch.x, batch.y
        assert any(torch.equal(x, values[at : at + 30]) for at in range(571)) and y.tolist() == list(range(30))
        assert x.std() > 0.8  # a dead one has 0
        assert torch.equal(x, TrainedPiece(**SMALL).draw(half_dead, 30, Streams(seed)).x)


def test_a_dead_piece_costs_more(half_dead):
    values = half_dead.train.values
    costs = TrainedPiece(**SMALL, max_channels=1).costs(half_dead, [values[200:230], values[450:480]], Streams(0))
    assert costs.shape == (2,) and costs[0] > costs[1]


def test_what_cannot_be_cut(half_dead):
    with pytest.raises(UserError, match="length is 601 and the training part of in-memory has 600"):
        TrainedPiece().draw(half_dead, 601, Streams(0))


def test_an_exploded_training_is_no_choice(half_dead):
    values = half_dead.train.values.clone()
    pieces = [values[450:480], values[450:480] * 1e30, values[500:530]]
    costs = TrainedPiece(**SMALL).costs(half_dead, pieces, Streams(0))
    assert costs[1] > 1e30 and costs[0] < 10 > costs[2]
