import pytest
import torch
from datasets import ClassLabel, Dataset, Features, List, Value

from hf_distill.data import RealData
from hf_distill.errors import UserError
from hf_distill.initialization import RealSamples, RelabeledSamples
from hf_distill.labels import TopLabels, ViewLabels
from hf_distill.methods import Run, Undistilled
from hf_distill.networks import MLP
from hf_distill.quantization import UniformQuantizer
from hf_distill.seeding import Streams
from hf_distill.synthetic import PixelSet
from hf_distill.training import Recipe
from tests.data.series import columns, data


def noisy(rows=1000):
    """One number a row, class 1 where it is positive; every fifth row has the other class instead."""
    x = torch.linspace(-1, 1, rows)
    y = (x > 0).long()
    y[::5] = 1 - y[::5]
    features = Features({"x": List(Value("float32")), "y": ClassLabel(num_classes=2)})
    return Dataset.from_dict({"x": x[:, None].tolist(), "y": y.tolist()}, features=features)


def recipe(epochs):
    usual = RelabeledSamples().recipe
    return Recipe(epochs=epochs, batch_size=128, optimizer=usual.optimizer, schedule=usual.schedule)


def test_teachers_undo_wrong_labels_and_keep_the_samples():
    real = RealData.from_dataset(noisy()).setup()
    relabeled = RelabeledSamples(network=MLP(width=32), teachers=1, recipe=recipe(60)).draw(real, 40, Streams(0))
    drawn = RealSamples().draw(real, 40, Streams(0))
    x, y, before, own = relabeled.x, relabeled.y, drawn.x, drawn.y
    assert torch.equal(x.sort(0).values, before.sort(0).values)
    wrong = ((before[:, 0] > 0).long() != own).float().mean()
    assert wrong > 0.1
    assert ((x[:, 0] > 0).long() != y).float().mean() < wrong / 2
    assert torch.equal(y, y.sort().values)


def test_the_seed_decides():
    real = RealData.from_dataset(noisy(64)).setup()
    part = RelabeledSamples(network=MLP(width=4, depth=1), teachers=1, recipe=recipe(1))
    first, again = part.draw(real, 8, Streams(3)), part.draw(real, 8, Streams(3))
    assert torch.equal(first.x, again.x) and torch.equal(first.y, again.y)


def test_wrong_data_are_named():
    with pytest.raises(UserError, match="needs samples with classes, not SeriesData"):
        RelabeledSamples().draw(data(columns()).setup(), 1, Streams(0))


def test_soft_labels_are_those_of_the_quantized_samples():
    real = RealData.from_dataset(noisy(200)).setup()
    options = {"network": MLP(width=16, depth=1), "teachers": 1, "recipe": recipe(20)}
    soft = RelabeledSamples(**options, soft=True).draw(real, 20, Streams(0))
    hard, y = RelabeledSamples(**options).draw(real, 20, Streams(0)), soft.y
    assert torch.equal(soft.x, hard.x) and torch.equal(soft.hard, hard.y)
    assert torch.allclose(y.sum(1), torch.ones(len(y))) and y.min() > 0
    # of one bit there are two different samples, and so two different labels
    coarse = RelabeledSamples(**options, soft=True, quantizer=UniformQuantizer(bits=1)).draw(real, 20, Streams(0)).y
    assert len(y.unique(dim=0)) > 2 == len(coarse.unique(dim=0))


def test_views_have_labels_of_their_own():
    real = RealData().setup()
    options = {"network": MLP(width=16, depth=1), "teachers": 2, "recipe": recipe(1), "soft": True}
    batch = RelabeledSamples(**options, views=3).draw(real, 2, Streams(0))
    plain = RelabeledSamples(**options).draw(real, 2, Streams(0))
    assert batch.y.shape == (20, 3, 10) and torch.equal(batch.x, plain.x)
    assert torch.equal(batch.y[:, 0], plain.y) and torch.equal(batch.hard, plain.hard)
    assert torch.allclose(batch.y.sum(2), torch.ones(20, 3)) and (batch.y[:, 1] - plain.y).abs().max() > 0.01
    synthetic = Undistilled(
        synthetic=PixelSet(per_class=2, labels=ViewLabels(labels=TopLabels(top=10, learned=False), views=3)),
        initial=RelabeledSamples(**options, views=3),
    ).fit(real, Run())
    assert torch.allclose(synthetic().y, batch.y, atol=1e-6)
    with pytest.raises(UserError, match=r"set initial\.soft=true, or views to 1"):
        RelabeledSamples(views=2).draw(real, 2, Streams(0))
