from __future__ import annotations

import pytest
import torch

from hf_distill.augment import SiameseAugment
from hf_distill.augment.base import AugmentParams
from hf_distill.augment.siamese import OPERATIONS
from hf_distill.errors import UserError

OFF = {"brightness": 0, "saturation": 0, "contrast": 0, "crop": 0, "cutout": 0, "flip": 0, "scale": 1, "rotate": 0}


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def images(count=4, channels=3, side=8, dtype=torch.float32):
    return torch.randn(count, channels, side, side, generator=generator(9), dtype=dtype)


@pytest.mark.parametrize("count", [None, 5])
@pytest.mark.parametrize("mode", ["S", "M"])
def test_the_same_seed_gives_the_same_parameters(mode, count):
    augment = SiameseAugment(mode=mode)
    one, two, other = (augment.sample(generator(s), count) for s in (1, 1, 2))
    assert one.names == two.names
    assert all(torch.equal(a, b) for (_, a), (_, b) in zip(one.draws, two.draws, strict=True))
    assert one.names != other.names or not torch.equal(one.draws[0][1], other.draws[0][1])
    assert {len(draws) for _, draws in one.draws} == {count or 1}


def test_single_mode_draws_one_operation_and_reaches_all():
    augment, stream = SiameseAugment(), generator()
    drawn = [augment.sample(stream).names for _ in range(60)]
    assert all(len(names) == 1 for names in drawn)
    assert {name for (name,) in drawn} == set(OPERATIONS)
    assert SiameseAugment(strategy="flip_crop", mode="M").sample(stream).names == ("flip", "crop")


@pytest.mark.parametrize("name", OPERATIONS)
def test_one_parameter_augments_every_batch_alike(name):
    # Siamese: an image becomes the same in the real batch, in the synthetic batch and alone.
    augment = SiameseAugment(strategy=name)
    x = images(6)
    params = augment.sample(generator(3))
    whole = augment.apply(x, params)
    torch.testing.assert_close(augment.apply(x[2:4], params), whole[2:4])
    # One row for all is what the same row for each is.
    each = AugmentParams(tuple((n, d.expand(6, 3)) for n, d in params.draws))
    torch.testing.assert_close(augment.apply(x, each), whole)


@pytest.mark.parametrize("name", OPERATIONS)
def test_rows_are_independent_of_the_batch(name):
    augment = SiameseAugment(strategy=name)
    x = images(4)
    params = augment.sample(generator(3), 4)
    whole = augment.apply(x, params)
    for i in range(4):
        alone = AugmentParams(tuple((n, d[i : i + 1]) for n, d in params.draws))
        torch.testing.assert_close(augment.apply(x[i : i + 1], alone), whole[i : i + 1])


@pytest.mark.parametrize("count", [None, 4])
@pytest.mark.parametrize("name", OPERATIONS)
def test_identity_at_strength_zero(name, count):
    augment = SiameseAugment(strategy=name, **OFF)
    x = images()
    torch.testing.assert_close(augment.apply(x, augment.sample(generator(1), count)), x, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("shape", [(3, 1, 8, 8), (3, 3, 28, 28), (2, 3, 9, 12)])
@pytest.mark.parametrize("count", [False, True])
@pytest.mark.parametrize("name", OPERATIONS)
def test_shapes(name, count, shape):
    augment = SiameseAugment(strategy=name)
    x = torch.randn(shape)
    out = augment.apply(x, augment.sample(generator(), shape[0] if count else None))
    assert out.shape == x.shape and out.dtype == x.dtype
    assert out.is_contiguous()  # a compiled network would be compiled again for another layout
    assert not torch.equal(out, x) or name in ("crop", "flip")


@pytest.mark.parametrize("count", [None, 2])
@pytest.mark.parametrize("name", OPERATIONS)
def test_gradient(name, count):
    augment = SiameseAugment(strategy=name)
    x = images(2, 2, 5, torch.float64).requires_grad_()
    params = augment.sample(generator(4), count)
    assert torch.autograd.gradcheck(lambda x: augment.apply(x, params), (x,))


def draws(*rows):
    return torch.tensor(rows)


def test_crop_shifts_by_whole_pixels_and_fills_zeros():
    x = torch.arange(64.0).reshape(1, 1, 8, 8).repeat(2, 1, 1, 1)
    augment = SiameseAugment(strategy="crop")  # at most round(8 / 8) = 1 pixel
    out = augment.apply(x, AugmentParams((("crop", draws((0.0, 0.5, 0.0), (0.99, 0.99, 0.0))),)))
    expected = torch.zeros(2, 1, 8, 8)
    expected[0, :, 1:] = x[0, :, :-1]
    expected[1, :, :-1, :-1] = x[1, :, 1:, 1:]
    assert torch.equal(out, expected)


def test_cutout_hole():
    augment = SiameseAugment(strategy="cutout")
    out = augment.apply(torch.ones(2, 1, 8, 8), AugmentParams((("cutout", draws((0.5, 0.5, 0), (0, 0, 0))),)))
    # A 4x4 hole around the centre, and one of which a quarter is left in the corner.
    assert (out == 0).sum((1, 2, 3)).tolist() == [16, 4]
    assert out[0, 0, 2:6, 2:6].sum() == 0 and out[1, 0, :2, :2].sum() == 0


def test_flip_probability():
    augment = SiameseAugment(strategy="flip")
    x = images(2)
    out = augment.apply(x, AugmentParams((("flip", draws((0.49, 0, 0), (0.51, 0, 0))),)))
    assert torch.equal(out[0], x[0].flip(2)) and torch.equal(out[1], x[1])


def test_color_at_the_paper_s_strengths():
    # With the paper's uniform draws u: x + (u - 0.5), (x - mean) * 2u + mean, (x - mean) * (u + 0.5) + mean.
    x = images(1)
    u = draws((0.9, 0.3, 0.7))
    expected = x + 0.4
    expected = (expected - expected.mean(1, True)) * 0.6 + expected.mean(1, True)
    expected = (expected - expected.mean()) * 1.2 + expected.mean()
    torch.testing.assert_close(SiameseAugment(strategy="color").apply(x, AugmentParams((("color", u),))), expected)


def test_rotation_direction_and_size():
    # A quarter turn is exact on the pixel grid.
    x = images(1)
    out = SiameseAugment(strategy="rotate", rotate=90).apply(x, AugmentParams((("rotate", draws((1.0, 0, 0))),)))
    torch.testing.assert_close(out, x.rot90(1, (2, 3)), atol=1e-5, rtol=1e-5)


def test_join_draws():
    augment = SiameseAugment(strategy="flip")
    one, two = augment.sample(generator(1), 2), augment.sample(generator(2), 3)
    x = images(5)
    torch.testing.assert_close(
        augment.apply(x, AugmentParams.cat([one, two])),
        torch.cat([augment.apply(x[:2], one), augment.apply(x[2:], two)]),
    )


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"strategy": "crop_blur"}, "'crop_blur'; it must be some of color, crop, cutout, flip, scale, rotate, joined"),
        ({"mode": "X"}, "mode is 'X'; it must be one of 'S', 'M'"),
    ],
)
def test_wrong_arguments(arguments, message):
    with pytest.raises(UserError, match=message):
        SiameseAugment(**arguments)


def test_vectors_are_refused():
    augment = SiameseAugment()
    with pytest.raises(UserError, match="set augment to null for vectors"):
        augment.apply(torch.randn(3, 64), augment.sample(generator()))


def test_configuration_round_trip():
    described = SiameseAugment(strategy="crop_rotate", rotate=5).config()
    assert SiameseAugment(**described["init_args"]).config() == described
