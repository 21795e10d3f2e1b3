"""Augmentation in gradient and trajectory matching, and in the trainings of pools."""

import pytest
import torch
from datasets import Dataset

from hf_distill.augment import SiameseAugment
from hf_distill.data import Batch, RealData
from hf_distill.errors import UserError
from hf_distill.learners.task import task_of
from hf_distill.learners.training import augmented
from hf_distill.objectives import GradientMatching, TrajectoryMatching, UnrolledMatching
from hf_distill.pools import PretrainedNetworks
from hf_distill.seeding import Streams
from hf_distill.synthetic import PixelSet
from tests.objectives.sets import TINY, bank, fresh, harmonic_set, pixel_set, small_series, trained


@pytest.fixture(scope="module")
def digits():
    return RealData().setup()


@pytest.fixture(scope="module")
def pair(digits):
    """Two images of two classes, and the set that they are."""
    from PIL import Image

    rows = [int(digits.train.class_index(label)[0]) for label in range(2)]
    images = [Image.fromarray(digits.train.raw(torch.tensor([row]))[0, 0].numpy()) for row in rows]
    real = RealData.from_dataset(Dataset.from_dict({"image": images, "label": [0, 1]})).setup()
    synthetic = PixelSet(per_class=1)
    batch = real.train.batch(torch.arange(2))
    synthetic.initialize(batch.x, batch.y, real.spec)
    return real, synthetic


def test_samples_have_their_own_parameters_or_all_the_same():
    x = torch.rand(1, 1, 8, 8).expand(6, 1, 8, 8)
    batch, augment = Batch.of(x, torch.arange(6)), SiameseAugment(strategy="rotate", mode="M")
    own = augmented(batch, augment, torch.Generator().manual_seed(0)).x
    alike = augmented(batch, augment, torch.Generator().manual_seed(0), alike=True).x
    fewer = augmented(batch.take(torch.arange(2)), augment, torch.Generator().manual_seed(0), alike=True).x
    assert len(torch.unique(own, dim=0)) == 6 and len(torch.unique(alike, dim=0)) == 1
    assert torch.allclose(alike[0], fewer[0], atol=1e-6) and not torch.allclose(alike[0], x[0])
    assert augmented(batch, None, torch.Generator()) is batch


@pytest.mark.parametrize(
    ("objective", "name"),
    [
        (GradientMatching(pool=fresh(TINY), real_batch=3, augment=SiameseAugment(mode="M")), "gradient"),
        (
            TrajectoryMatching(
                pool=fresh(TINY), real_batch=2, synthetic_steps=3, real_steps=3, augment=SiameseAugment(mode="M")
            ),
            "trajectory",
        ),
    ],
    ids=["gradient", "trajectory"],
)
def test_both_sides_are_augmented_alike(pair, objective, name):
    """The same images on both sides have no distance, whatever is done to both; and it is done."""
    real, synthetic = pair
    for step in range(3):
        distance = objective(synthetic, real, Streams(0, step=step))[name].item()
        assert distance == pytest.approx(0, abs=2e-3 if name == "gradient" else 1e-6)
    seen = []

    class Seen(SiameseAugment):
        def apply(self, x, params):
            seen.append(params)
            return super().apply(x, params)

    objective.augment = Seen(mode="M")
    objective(synthetic, real, Streams(0))
    draws = [torch.cat([values for _, values in params.draws]) for params in seen]
    assert all(len(values) == 6 for values in draws)  # one row for each of six operations
    if name == "gradient":  # of two classes, each side after the other
        assert torch.equal(draws[0], draws[1]) and torch.equal(draws[2], draws[3])
        assert not torch.equal(draws[0], draws[2])
    else:  # three steps of one side, then of the other
        assert all(torch.equal(draws[step], draws[step + 3]) for step in range(3))
        assert not torch.equal(draws[0], draws[1])


def test_pools_augment_what_they_train_on(digits):
    augment, synthetic, task = SiameseAugment(strategy="crop", mode="M"), pixel_set(digits), task_of(digits)

    def weights(pool, step=0):
        network = pool.draw(task, synthetic, Streams(0, step=step))
        return torch.cat([p.detach().flatten() for p in network.parameters()])

    for make, step in (
        (lambda **options: trained(TINY, lr=0.1, **options), 1),  # place 1, which has been trained for two steps
        (lambda **options: bank(TINY, count=1, steps=3, every=1, lr=0.1, **options), 0),
        (lambda **options: PretrainedNetworks(network=TINY, steps=3, **options), 0),
    ):
        assert not torch.equal(weights(make(augment=augment), step), weights(make(), step))
    unrolled = [
        UnrolledMatching(pool=trained(TINY, **options), real_batch=8)(synthetic, digits, Streams(0))["ConvNet"].item()
        for options in ({}, {"augment": augment})
    ]
    assert unrolled[0] != unrolled[1]


def test_unrolled_matching_augments_what_it_measures_on(digits, monkeypatch):
    seen = []

    class Blank(SiameseAugment):
        def apply(self, x, params):
            seen.append([len(values) for _, values in params.draws])
            return torch.zeros_like(x)

    synthetic = pixel_set(digits)
    blank = UnrolledMatching(pool=trained(TINY), real_batch=20, augment=Blank(mode="M"))
    found = blank(synthetic, digits, Streams(0))["ConvNet"].item()
    assert seen == [[20] * 6]  # each real image has parameters of its own, those of the set have none
    plain = UnrolledMatching(pool=trained(TINY), real_batch=20)
    draw = RealData.draw
    monkeypatch.setattr(RealData, "draw", lambda *args: blanked(draw(*args)))
    assert plain(synthetic, digits, Streams(0))["ConvNet"].item() == pytest.approx(found)


def blanked(batch):
    return Batch(torch.zeros_like(batch.x), batch.y, batch.w)


def test_a_series_is_not_augmented():
    real = small_series()
    for objective in (
        GradientMatching(augment=SiameseAugment()),
        TrajectoryMatching(pool=fresh(), augment=SiameseAugment()),
    ):
        with pytest.raises(UserError, match="augmentation works on images"):
            objective(harmonic_set(real), real, Streams(0))
