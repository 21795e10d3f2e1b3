from __future__ import annotations

import pytest
import torch

from hf_distill.errors import UserError
from hf_distill.evaluation.baselines import BASELINES, check_baselines
from hf_distill.evaluation.size import real_bits
from hf_distill.features import NetworkFeatures, PixelFeatures
from hf_distill.networks import MLP
from hf_distill.seeding import Streams

SPACE = PixelFeatures()


def test_bits_of_a_real_sample(real, vector_real):
    assert real_bits(real.spec) == 64 * 8 + 2
    assert real_bits(vector_real.spec) == 4 * 32 + 2


@pytest.mark.parametrize("name", BASELINES)
def test_balanced_and_reproducible(name, real):
    one, two = (BASELINES[name](real, real.spec, 6, Streams(3), SPACE).batch for _ in range(2))
    assert torch.equal(one.x, two.x)
    per_class = 1 if name == "class_mean" else 2
    assert torch.bincount(one.y).tolist() == [per_class] * 3


def test_every_seed_draws_anew(real):
    one, two = (BASELINES["random"](real, real.spec, 6, Streams(0, step=k), SPACE).batch for k in range(2))
    assert not torch.equal(one.x, two.x)


@pytest.mark.parametrize("count", [2, 3, 8])
def test_what_does_not_divide_goes_to_random_classes(count, real):
    batch = BASELINES["random"](real, real.spec, count, Streams(1), SPACE).batch
    sizes = torch.bincount(batch.y, minlength=3)
    assert len(batch) == count and sizes.max() - sizes.min() <= 1


def test_class_mean_is_what_would_be_stored(real):
    batch = BASELINES["class_mean"](real, real.spec, 3, Streams(0), SPACE).batch
    rows = real.train.class_index(1)
    expected = real.train.raw(rows).double().mean(0).round().to(torch.uint8)
    assert torch.equal(real.spec.denormalize(batch.x)[1], expected)


def test_unknown():
    with pytest.raises(UserError, match="random, kmeans"):
        check_baselines(["random", "best"])


def test_selectors_choose_in_the_space_that_is_given_and_kmeans_pixels_by_pixels(real):
    network = NetworkFeatures(network=MLP(width=8), steps=20)
    for name in ("kmeans", "herding"):
        one, two = (BASELINES[name](real, real.spec, 6, Streams(0), space).batch.x for space in (SPACE, network))
        assert not torch.equal(one, two)
    spaces = (SPACE, network)
    one, two = (BASELINES["kmeans_pixels"](real, real.spec, 6, Streams(0), space).batch.x for space in spaces)
    assert torch.equal(one, two) and torch.equal(
        one, BASELINES["kmeans"](real, real.spec, 6, Streams(0), SPACE).batch.x
    )
