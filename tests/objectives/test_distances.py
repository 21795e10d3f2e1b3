"""Distances of distribution matching, against kernels and numbers by hand; and calibration."""

import math

import pytest
import torch
from torch.nn import functional as F

from hf_distill.data import RealData
from hf_distill.errors import UserError
from hf_distill.labels import DenseLabels
from hf_distill.learners.task import task_of
from hf_distill.objectives import DistributionMatching
from hf_distill.objectives.class_means import class_means
from hf_distill.objectives.distances import Waves, differences
from hf_distill.pools import InterpolatedNetworks, PretrainedNetworks
from hf_distill.seeding import Streams
from hf_distill.synthetic import PixelSet
from tests.objectives.sets import TINY, bank, fresh, pixel_set, trained


@pytest.fixture(scope="module")
def digits():
    return RealData().setup()


def exact_mmd(x, y, apart):
    def kernel(a, b):
        squares = torch.cdist(a, b).square()
        return torch.stack([torch.exp(-squares / (apart * 2.0**k)) for k in range(-2, 3)]).mean(0).mean()

    return (kernel(x, x) - 2 * kernel(x, y) + kernel(y, y)).item()


def test_mmd_is_that_of_five_kernels_on_average():
    generator = torch.Generator().manual_seed(0)
    real, fake = torch.randn(20, 6, generator=generator), torch.randn(3, 6, generator=generator) + 1
    apart = torch.cdist(real, real).square().mean()
    expected, found = exact_mmd(real, fake, apart), []
    for _ in range(50):
        waves = Waves.drawn("mmd", real, torch.ones(20), generator)
        found.append(differences(waves(real).mean(0)[None], waves(fake).mean(0)[None], "mmd").item())
    values = torch.tensor(found)
    assert values.mean().item() == pytest.approx(expected, abs=4 * values.std().item() / 50**0.5)
    assert values.std().item() < 0.05 * expected  # so that one draw is not noise


def test_characteristic_functions_by_hand():
    """Samples at 0 and 1 against one at 0, along pi / 2: (1 + i) / 2 and 1; along pi: 0 and 1."""
    waves = Waves(torch.tensor([[math.pi / 2, math.pi]]), unit=False)
    ours, theirs = waves(torch.tensor([[0.0], [1.0]])).mean(0)[None], waves(torch.zeros(1, 1))
    assert differences(ours, theirs, "characteristic").item() == pytest.approx((math.sqrt(0.5) + 1) / 2, abs=1e-6)
    assert differences(ours, theirs, "mmd").item() == pytest.approx((0.5 + 1) / 2, abs=1e-6)
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(4, 3, generator=generator)
    unit = Waves.drawn("characteristic", x, torch.ones(4), generator)
    assert torch.allclose(unit(5 * x), unit(x), atol=1e-5)  # of length 1, whatever they were


@pytest.mark.parametrize("distance", ["mmd", "characteristic"])
def test_equal_means_are_not_enough(distance):
    """At -1 and 1 against twice 0, the mean sees nothing; samples that are the same have no distance."""
    generator = torch.Generator().manual_seed(0)
    wide, narrow = torch.tensor([[-1.0, 1.0], [1.0, 1.0]]), torch.tensor([[0.0, 1.0], [0.0, 1.0]])
    waves = Waves.drawn(distance, wide, torch.ones(2), generator)
    means = [waves(x).mean(0)[None] for x in (wide, narrow)]
    assert differences(wide.mean(0)[None], narrow.mean(0)[None], "mean") == 0
    assert differences(*means, distance) > 0.05 and differences(means[0], means[0], distance) < 1e-5


@pytest.mark.parametrize("distance", ["mmd", "characteristic"])
def test_the_objective_sums_over_the_classes(digits, distance):
    """Of the same samples that it draws; and in units of the real means' spread it averages."""
    synthetic, options = pixel_set(digits, 2), {"pool": fresh(TINY), "real_per_class": 6, "augment": None}
    matching = DistributionMatching(**options, distance=distance)
    term = matching(synthetic, digits, Streams(0))["features"]
    view, real = matching._view(synthetic, digits, Streams(0)), Streams(0).generator("real")
    ours, theirs = (
        class_means(view.waves(view.eyes.network.features(batch.x)), batch, 10)
        for batch in (synthetic(), digits.sample(list(range(10)), 6, real))
    )
    by_class = differences(ours, theirs, distance)
    assert term.item() == pytest.approx(by_class.sum().item(), rel=1e-4)
    in_parts = DistributionMatching(**options, distance=distance, normalize=True, chunk=7)
    expected = by_class.mean() / differences(theirs, theirs.mean(0), distance).mean()
    assert in_parts(synthetic, digits, Streams(0))["features"].item() == pytest.approx(expected.item(), rel=1e-4)


def test_discrimination_is_by_plain_means_whatever_the_distance(digits):
    synthetic, found = pixel_set(digits, 2), {}
    for distance in ("mean", "mmd", "characteristic"):
        matching = DistributionMatching(pool=fresh(TINY), real_per_class=6, distance=distance, discrimination=0.5)
        found[distance] = matching(synthetic, digits, Streams(0))["discrimination"].item()
    assert found["mmd"] == found["mean"] == found["characteristic"]


def test_calibration_is_the_loss_of_a_trained_network(digits):
    synthetic = pixel_set(digits, 2)
    pool = PretrainedNetworks(network=TINY, steps=5)
    matching = DistributionMatching(pool=pool, real_per_class=4, augment=None, calibration=0.5)
    matching.prepare(synthetic, digits, 1)
    terms = matching(synthetic, digits, Streams(0))
    network = pool.trained(task_of(digits), synthetic, Streams(0))
    expected = 0.5 * F.cross_entropy(network(synthetic().x), synthetic().y)
    assert terms["calibration"].item() == pytest.approx(expected.item(), rel=1e-5)
    (gradient,) = torch.autograd.grad(terms["calibration"], synthetic.pixels)
    (other,) = torch.autograd.grad(expected, synthetic.pixels)
    assert torch.allclose(gradient, other, atol=1e-6)


def test_calibration_leaves_learned_labels_alone(digits):
    synthetic = PixelSet(per_class=1, labels=DenseLabels())
    start = digits.sample(list(range(10)), 1, Streams(0).generator("x"))
    synthetic.initialize(start.x, start.y, digits.spec)
    pool = InterpolatedNetworks(network=TINY, count=1, steps=2)
    matching = DistributionMatching(pool=pool, real_per_class=4, calibration=1.0)
    matching(synthetic, digits, Streams(0))["calibration"].backward()
    assert synthetic.labels.values.grad is None and synthetic.pixels.grad.abs().sum() > 0


@pytest.mark.parametrize("pool, name", [(fresh(TINY), "FreshNetworks"), (trained(TINY), "TrainedOnSet")])
def test_calibration_needs_a_trained_network(digits, pool, name):
    with pytest.raises(UserError, match=rf"calibration needs a network.*{name} has none: choose Interpolated"):
        DistributionMatching(pool=pool, calibration=1.0).prepare(pixel_set(digits), digits, 1)
    DistributionMatching(pool=bank(TINY), calibration=1.0).prepare(pixel_set(digits), digits, 1)
