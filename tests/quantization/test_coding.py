import math

import numpy as np
import pytest

from hf_distill.decode import Damaged, decode_words
from hf_distill.quantization.coding import coded_bits, encode


def entropy(shares):
    return -sum(p * math.log2(p) for p in shares)


@pytest.mark.parametrize("levels", [2, 3, 4, 16, 256])
@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (7, 1), (3, 12), (70, 400)])
@pytest.mark.parametrize("image", [None, (1, 4), (3, 4)])
def test_decoding_undoes_coding(levels, shape, image):
    rng = np.random.default_rng(0)
    codes = np.minimum(rng.geometric(0.3, shape) - 1, levels - 1)
    data, about = encode(codes, levels, image)
    assert np.array_equal(decode_words(data, about), codes)


def test_independent_codes_take_their_entropy():
    shares = (0.8, 0.1, 0.07, 0.03)
    codes = np.random.default_rng(0).choice(4, (400, 500), p=shares)
    data, about = encode(codes, 4)
    # beside it: 32 bits a lane, and what it costs to learn the counts
    assert about["lanes"] == 48
    assert 0.995 < 8 * len(data) / (codes.size * entropy(shares)) < 1.015


def test_neighbours_are_what_saves_bits():
    rng = np.random.default_rng(0)
    # two states, each left with probability 0.05: the entropy of a code is that of a change
    chain = (rng.random((400, 500)) < 0.05).cumsum(1) % 2
    data, about = encode(chain, 2)
    assert about["neighbours"] == [1] and 8 * len(data) / chain.size < 1.04 * entropy((0.05, 0.95))
    # images whose rows are all alike: the pixel above tells everything but the first row
    stripes = np.tile(rng.integers(0, 4, (400, 1, 20)), (1, 25, 1)).reshape(400, 500)
    data, about = encode(stripes, 4, (25, 20))
    assert 20 in about["neighbours"] and 8 * len(data) / stripes.size < 1.1 * 2 / 25 + 0.03
    # three equal channels of noise: the first, whose neighbours count as 0, tells the others; codes after 0 are half 0
    planes = np.tile(rng.integers(0, 4, (200, 100)), (1, 3))
    data, about = encode(planes, 4, (10, 10))
    assert 100 in about["neighbours"]
    assert 8 * len(data) / planes.size < 1.05 * entropy((1 / 2, 1 / 6, 1 / 6, 1 / 6)) / 2


@pytest.mark.parametrize(("levels", "count"), [(2, 3000), (4, 800), (4, 40), (16, 200), (256, 5)])
def test_the_length_is_known_before_coding(levels, count):
    rng = np.random.default_rng(0)
    smooth = rng.normal(size=(count, 12, 12)).cumsum(1).cumsum(2)
    codes = np.clip((smooth + 8) * levels // 16, 0, levels - 1).astype(int).reshape(count, -1)
    data, _ = encode(codes, levels, (12, 12))
    assert coded_bits(codes, levels, (12, 12)) == pytest.approx(8 * len(data), rel=0.01, abs=64)


def test_the_length_of_a_model_that_learns():
    # Krichevsky and Trofimov: three equal codes of two have the probability 1/2 x 3/4 x 5/6; and a lane's state
    assert coded_bits(np.ones((1, 3), int), 2) == pytest.approx(-math.log2(1 / 2 * 3 / 4 * 5 / 6) + 32)


@pytest.mark.parametrize("place", [3, 40, -1])
def test_damaged_bytes_are_refused(place):
    codes = np.random.default_rng(0).choice(4, (30, 50), p=(0.7, 0.1, 0.1, 0.1))
    data, about = encode(codes, 4)
    changed = bytearray(data)
    changed[place] ^= 16
    for bad in (bytes(changed), data[:-2], data[:-1], data + b"\0\0", data[:2]):
        with pytest.raises(Damaged, match="damaged"):
            decode_words(bad, about)
