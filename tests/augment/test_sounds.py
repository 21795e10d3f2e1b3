from __future__ import annotations

import math

import pytest
import torch

from hf_distill.augment import SoundAugment
from hf_distill.augment.base import AugmentParams
from hf_distill.augment.sounds import OPERATIONS
from hf_distill.errors import UserError

OFF = {"shift": 0, "gain": 0, "speed": 1, "time": 0, "frequency": 0}


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def sounds(count=4, length=64, dtype=torch.float32):
    return torch.randn(count, length, generator=generator(9), dtype=dtype)


def of(name, *rows):
    return AugmentParams(((name, torch.tensor(rows)),))


@pytest.mark.parametrize("count", [None, 5])
@pytest.mark.parametrize("mode", ["S", "M"])
def test_the_same_seed_gives_the_same_parameters(mode, count):
    augment = SoundAugment(mode=mode)
    one, two, other = (augment.sample(generator(s), count) for s in (1, 1, 3))
    assert one.names == two.names and len(one.names) == (1 if mode == "S" else 5)
    assert all(torch.equal(a, b) for (_, a), (_, b) in zip(one.draws, two.draws, strict=True))
    assert one.names != other.names or not torch.equal(one.draws[0][1], other.draws[0][1])
    assert {len(draws) for _, draws in one.draws} == {count or 1}


@pytest.mark.parametrize("name", OPERATIONS)
def test_one_parameter_augments_every_batch_alike(name):
    # Siamese: a sound becomes the same in the real batch, in the synthetic batch and alone.
    augment, x = SoundAugment(strategy=name), sounds(6)
    params = augment.sample(generator(3))
    whole = augment.apply(x, params)
    torch.testing.assert_close(augment.apply(x[2:4], params), whole[2:4])
    each = AugmentParams(tuple((n, d.expand(6, 3)) for n, d in params.draws))
    torch.testing.assert_close(augment.apply(x, each), whole)


@pytest.mark.parametrize("name", OPERATIONS)
def test_rows_are_independent_of_the_batch(name):
    augment, x = SoundAugment(strategy=name), sounds(4)
    params = augment.sample(generator(3), 4)
    whole = augment.apply(x, params)
    assert whole.shape == x.shape and whole.dtype == x.dtype
    for i in range(4):
        alone = AugmentParams(tuple((n, d[i : i + 1]) for n, d in params.draws))
        torch.testing.assert_close(augment.apply(x[i : i + 1], alone), whole[i : i + 1])


@pytest.mark.parametrize("count", [None, 4])
@pytest.mark.parametrize("name", OPERATIONS)
def test_identity_at_strength_zero(name, count):
    augment, x = SoundAugment(strategy=name, **OFF), sounds()
    torch.testing.assert_close(augment.apply(x, augment.sample(generator(1), count)), x, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("count", [None, 2])
@pytest.mark.parametrize("name", OPERATIONS)
def test_gradient(name, count):
    augment, x = SoundAugment(strategy=name), sounds(2, 24, torch.float64).requires_grad_()
    params = augment.sample(generator(4), count)
    assert torch.autograd.gradcheck(lambda x: augment.apply(x, params), (x,))


def test_shift_moves_in_silence():
    x, augment = sounds(2, 16), SoundAugment(strategy="shift")  # at most 2 samples
    out = augment.apply(x, of("shift", (0.0, 0, 0), (0.99, 0, 0)))
    assert torch.equal(out[0, 2:], x[0, :-2]) and torch.equal(out[1, :-2], x[1, 2:])
    assert not out[0, :2].any() and not out[1, -2:].any()


def test_gain_in_decibels():
    out = SoundAugment(strategy="gain", gain=20).apply(sounds(2), of("gain", (1.0, 0, 0), (0.25, 0, 0)))
    torch.testing.assert_close(out, sounds(2) * torch.tensor([[10.0], [10**-0.5]]))


def test_speed_changes_the_pitch():
    tone = torch.sin(2 * math.pi * 20 * torch.arange(400) / 400)[None]
    out = SoundAugment(strategy="speed", speed=2).apply(tone, of("speed", (1.0, 0, 0)))
    # Twice as fast: twice the frequency in the middle, silence at both ends.
    assert torch.fft.rfft(out[0, 101:299]).abs().argmax() == 20 and not out[0, :99].any() and not out[0, 301:].any()


def test_masks_are_where_they_were_drawn():
    out = SoundAugment(strategy="time", time=0.5).apply(torch.ones(2, 100), of("time", (1.0, 0, 0), (0.5, 0.4, 0)))
    assert [row.eq(0).nonzero().flatten().tolist() for row in out] == [list(range(50)), list(range(30, 55))]
    noise = sounds(1, 1024)
    out = SoundAugment(strategy="frequency", frequency=0.2).apply(noise, of("frequency", (1.0, 1.0, 0)))
    lost = torch.fft.rfft(out)[0].abs() / torch.fft.rfft(noise)[0].abs() < 0.01
    assert lost.nonzero().flatten().tolist() == list(range(256, 512))  # the octave below the highest frequency


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"strategy": "shift_echo"}, "'shift_echo'; it must be some of shift, gain, speed, time, frequency, joined"),
        ({"speed": 0.5}, "speed is 0.5; it must be 1 to 4"),
    ],
)
def test_wrong_arguments(arguments, message):
    with pytest.raises(UserError, match=message):
        SoundAugment(**arguments)


def test_images_are_refused():
    augment = SoundAugment()
    with pytest.raises(UserError, match="choose SiameseAugment for images"):
        augment.apply(torch.randn(3, 1, 8, 8), augment.sample(generator()))


def test_configuration_round_trip():
    described = SoundAugment(strategy="shift_time", shift=0.2).config()
    assert SoundAugment(**described["init_args"]).config() == described
