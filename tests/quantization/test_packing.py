import numpy as np
import pytest
import torch

from hf_distill.decode import Damaged, unpack
from hf_distill.errors import UserError
from hf_distill.quantization import Budget
from hf_distill.quantization.grouping import from_rows, to_rows
from hf_distill.quantization.packing import pack_codes, packed_bytes


@pytest.mark.parametrize("bits", [1, 2, 3, 5, 8, 16])
@pytest.mark.parametrize("count", [1, 7, 64, 1001])
def test_packing_is_exact_and_dense(bits, count):
    codes = np.random.default_rng(count).integers(0, 2**bits, count)
    data = pack_codes(codes, bits)
    assert len(data) == packed_bytes(count, bits) == -(-count * bits // 8)
    assert np.array_equal(unpack(data, bits, count), codes)


def test_the_highest_bit_comes_first():
    assert pack_codes(np.array([1, 2, 3]), 2) == bytes([0b01101100])


def test_what_is_no_code():
    with pytest.raises(UserError, match="codes reach from 0 to 4 and 2 bits hold 0 to 3"):
        pack_codes(np.array([0, 4]), 2)
    with pytest.raises(UserError, match="not float64"):
        pack_codes(np.array([np.nan]), 2)
    with pytest.raises(Damaged, match="2 bytes are not 3 codes"):
        unpack(b"ab", 2, 3)
    with pytest.raises(Damaged, match="not zero"):
        unpack(bytes([0b01101101]), 2, 3)


@pytest.mark.parametrize(("granularity", "groups"), [("tensor", 1), ("channel", 3), ("class", 2), ("sample", 4)])
def test_rows_turn_back(granularity, groups):
    x = torch.randn(4, 3, 2, 2)
    rows = to_rows(x, granularity, 2)
    assert len(rows) == groups and torch.equal(from_rows(rows, granularity, tuple(x.shape)), x)
    if granularity == "class":
        assert torch.equal(rows[1], x[2:].flatten())
    if granularity == "channel":
        assert torch.equal(rows[2], x[:, 2].flatten())


def test_groups_that_there_are_not():
    with pytest.raises(UserError, match="choose channel"):
        to_rows(torch.zeros(4, 3), "sample", None)
    with pytest.raises(UserError, match="equally many"):
        to_rows(torch.zeros(5, 3), "class", 2)


def test_budgets():
    assert Budget(bits_per_class=100).bits(10) == 1000 and Budget(total_bytes=10).bits(None) == 80
    for wrong in (Budget(), Budget(bits_per_class=1, total_bytes=1)):
        with pytest.raises(UserError, match="either bits_per_class or total_bytes"):
            wrong.bits(10)
    with pytest.raises(UserError, match="series has no classes"):
        Budget(bits_per_class=5).bits(None)
