"""Weights: a sample that counts twice is the sample twice."""

import pytest
import torch

from hf_distill.augment import RandomViews
from hf_distill.data import RealData
from hf_distill.labels import DenseLabels, FixedWeights, ViewLabels
from hf_distill.learners.task import task_of
from hf_distill.networks import MLP, ConvNet
from hf_distill.objectives import (
    Curvature,
    DistributionMatching,
    GradientMatching,
    KernelRegression,
    StatisticsMatching,
    TrajectoryMatching,
    UnrolledMatching,
)
from hf_distill.seeding import Streams
from hf_distill.synthetic import PixelSet
from hf_distill.training import Recipe, Teacher
from tests.contract.test_objectives import IMAGES
from tests.objectives.sets import TINY, bank, fresh, trained


def weighted(x, y, w, spec, **parts):
    synthetic = PixelSet(per_class=1, weights=FixedWeights(), **parts)
    synthetic.initialize(x, y, spec, w)
    return synthetic


@pytest.fixture(scope="module")
def digits():
    return RealData().setup()


@pytest.fixture
def sets(digits):
    """Five samples of three classes, of which the second counts twice; and six, the second of them twice."""
    rows = torch.cat([digits.train.class_index(label)[:count] for label, count in ((0, 2), (1, 2), (2, 1))])
    batch = digits.train.batch(rows)
    w = torch.tensor([1.0, 2.0, 1.0, 1.0, 1.0])
    twice = torch.tensor([0, 1, 1, 2, 3, 4])
    return (
        weighted(batch.x, batch.y, w / w.mean(), digits.spec),
        weighted(batch.x[twice], batch.y[twice], torch.ones(6), digits.spec),
    )


NORMALISED = Teacher(network=ConvNet(width=4, depth=1, norm="batch"), recipe=Recipe(epochs=1))
OBJECTIVES = {
    "means": lambda: DistributionMatching(pool=fresh(TINY), augment=None, real_per_class=4),
    "waves, calibration": lambda: DistributionMatching(
        pool=bank(TINY), augment=None, real_per_class=4, distance="mmd", calibration=1.0
    ),
    "waves, discrimination": lambda: DistributionMatching(
        pool=fresh(TINY), augment=None, real_per_class=4, distance="characteristic", discrimination=1.0
    ),
    "curvature": lambda: Curvature(pool=fresh(TINY)),
    "statistics": lambda: StatisticsMatching(teacher=NORMALISED, weight=1.0, views=RandomViews(least=1.0, flip=0.0)),
    "tangents": lambda: KernelRegression(kernel="tangent", real_batch=20),
    "regression": lambda: KernelRegression(pool=fresh(TINY), real_batch=20),
    "gradients, layers": lambda: GradientMatching(pool=fresh(TINY), real_batch=4),
    "gradients, mse": lambda: GradientMatching(pool=fresh(TINY), real_batch=4, distance="mse"),
    "trajectory": lambda: TrajectoryMatching(pool=fresh(TINY), real_batch=20, synthetic_steps=3),
    "unrolled": lambda: UnrolledMatching(
        pool=trained(TINY, MLP(width=4), batch=0), real_batch=20, normalize_gradients=False
    ),
}


def test_the_table_has_every_objective_of_samples():
    """A ``WeightedSum`` has no loss of its own."""
    assert {type(make()).__name__ for make in OBJECTIVES.values()} == set(IMAGES) - {"WeightedSum"}


@pytest.mark.parametrize("name", OBJECTIVES)
def test_a_weight_of_two_is_the_sample_twice(digits, sets, name):
    found = []
    for synthetic in sets:
        objective = OBJECTIVES[name]()
        objective.prepare(synthetic, digits, 2)
        for step in range(2):  # the second network of a pool was trained on the set before
            synthetic.zero_grad()
            terms = objective(synthetic, digits, Streams(0, step=step))
            torch.stack(list(terms.values())).sum().backward()
        found.append((torch.stack(list(terms.values())).sum().item(), synthetic.pixels.grad))
    (one, gradient), (other, pieces) = found
    assert one == pytest.approx(other, rel=1e-4)
    both = torch.stack([pieces[0], pieces[1] + pieces[2], *pieces[3:]])
    assert torch.allclose(gradient, both, rtol=1e-3, atol=1e-5 * both.abs().max().item() + 1e-8)
    assert not torch.allclose(gradient[0], gradient[1])


def test_a_part_of_a_class_is_weighted_as_in_the_whole(digits, sets):
    """Drawn samples keep their weight beside the others of their class: over the draws their mean is the class's."""
    synthetic, task = sets[0], task_of(digits)
    total = []
    for step in range(400):
        (fake, _), *_ = task.pairs(synthetic, synthetic(), 1, 2, Streams(0, step=step))
        total.append(fake.w.item())
    assert sorted({round(value, 4) for value in total}) == [0.6667, 1.3333]
    assert sum(total) / len(total) == pytest.approx(1, abs=0.05)


def test_every_view_has_the_weight_of_its_sample(digits):
    batch = digits.train.batch(digits.train.class_index(0)[:2])
    views = ViewLabels(views=3, labels=DenseLabels())
    synthetic = weighted(batch.x, batch.y, torch.tensor([1.0, 3.0]), digits.spec, labels=views)
    ((fake, _),) = task_of(digits).pairs(synthetic, synthetic(), 0, 2, Streams(0))
    assert fake.w.tolist() == pytest.approx([0.5] * 3 + [1.5] * 3) and len(fake) == 6
