import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from hf_distill.data.series_spec import SeriesSpec
from hf_distill.errors import PointlessSize, UserError
from hf_distill.quantization import UniformQuantizer
from hf_distill.synthetic import HarmonicSet, PixelSet, QuantizedSet, SeriesSet
from hf_distill.synthetic.harmonic import harmonics_within
from tests.synthetic.quantized import read
from tests.synthetic.quantized import spec as samples


def series_spec(channels=3, lookback=4, horizon=2):
    names = tuple("abcdefgh"[:channels])
    features = {name: {"dtype": "float32", "_type": "Value"} for name in names}
    return SeriesSpec(
        channels=names,
        mean=(0.0,) * channels,
        std=(1.0,) * channels,
        features=features,
        lookback=lookback,
        horizon=horizon,
    )


def filled(cls, length=16, **kwargs):
    synthetic = cls(length=length, **kwargs)
    x = torch.randn(length, 3, generator=torch.Generator().manual_seed(length))
    synthetic.initialize(x, torch.arange(length), series_spec())
    return synthetic, x


@pytest.mark.parametrize("cls", [SeriesSet, HarmonicSet])
def test_a_set_that_is_most_of_its_data_is_pointless(cls, recwarn):
    x = torch.zeros(16, 3)
    cls(length=16).initialize(x, torch.arange(16), replace(series_spec(), num_rows=48))
    assert not recwarn
    with pytest.warns(PointlessSize, match="the size of 16 time steps stands for 47: a random piece"):
        cls(length=16).initialize(x, torch.arange(16), replace(series_spec(), num_rows=47))


def test_a_sparse_set_is_as_large_as_what_it_stores(recwarn):
    x, y = torch.zeros(16, 3), torch.arange(16)
    HarmonicSet(length=16, harmonics=2).initialize(x, y, replace(series_spec(), num_rows=16))
    assert not recwarn
    HarmonicSet(length=16, harmonics=5, half_precision=True).initialize(x, y, replace(series_spec(), num_rows=16))
    assert not recwarn
    with pytest.warns(PointlessSize, match="the size of 6 time steps"):
        HarmonicSet(length=16, harmonics=3).initialize(x, y, replace(series_spec(), num_rows=16))


@pytest.mark.parametrize(("bits", "harmonics"), [(35, 0), (36, 1), (71, 1), (72, 2), (10_000, 9)])
def test_harmonics_fit_into_bits(bits, harmonics):  # 9 bins, 4 bits for the number of each
    assert harmonics_within(bits, 16) == harmonics


@pytest.mark.parametrize("length", [15, 16])
def test_decoding_undoes_the_transform_and_keeps_the_energy(length):
    synthetic, x = filled(HarmonicSet, length)
    assert torch.allclose(synthetic().x, x, atol=1e-6)
    assert torch.allclose(synthetic.energy().sum(0), x.square().sum(0), rtol=1e-5)  # Parseval


def test_a_cosine_is_one_bin():
    synthetic = HarmonicSet(length=16)
    time = torch.arange(16.0)
    synthetic.initialize((2 * torch.cos(2 * math.pi * 3 * time / 16))[:, None], time, series_spec(1))
    # amplitude * sqrt(M) / 2 in the bin of its frequency
    expected = torch.zeros(9)
    expected[3] = 4
    assert torch.allclose(synthetic.real[:, 0], expected, atol=1e-6)
    assert torch.allclose(synthetic.imag, torch.zeros(9, 1), atol=1e-6)


@pytest.mark.parametrize("length", [15, 16])
def test_what_stands_for_nothing_stays_zero(length):
    synthetic, _ = filled(HarmonicSet, length)
    before = synthetic().x.detach()
    with torch.no_grad():
        synthetic.imag[0] = 5
        if length % 2 == 0:
            synthetic.imag[-1] = 5
    assert torch.allclose(synthetic().x, before, atol=1e-6)
    synthetic.project()
    assert synthetic.imag[0].eq(0).all() and (length % 2 or synthetic.imag[-1].eq(0).all())


@pytest.mark.parametrize("length", [15, 16])
@pytest.mark.parametrize("harmonics", [None, 1, 3, 8])
def test_packing_is_exact_and_has_the_claimed_size(length, harmonics):
    synthetic, _ = filled(HarmonicSet, length, harmonics=harmonics)
    packed, bits = synthetic.pack(), synthetic.bits()
    x, y, _ = read(packed, series_spec())
    assert np.allclose(x, synthetic().x.detach(), atol=1e-6) and y is None
    written = {name: 8 * sum(len(row) for row in rows) for name, rows in packed.columns.items()}
    assert bits.data == written["codes"] == (3 * 32 * length if harmonics is None else 3 * 64 * harmonics)
    assert bits.side == written.get("bins", 0)
    assert bits.total == sum(written.values())


@pytest.mark.parametrize("harmonics", [None, 3])
def test_half_precision_takes_half_the_bits_and_is_read_as_it_is(harmonics):
    whole, _ = filled(HarmonicSet, harmonics=harmonics)
    synthetic, _ = filled(HarmonicSet, harmonics=harmonics, half_precision=True)
    assert torch.equal(synthetic().x, whole().x)  # until it is finished
    synthetic.advance(1.0)
    x = synthetic().x
    assert not torch.equal(x, whole().x)
    torch.testing.assert_close(x, whole().x, atol=0.01, rtol=0)
    packed = synthetic.pack()
    assert np.allclose(read(packed, series_spec())[0], x.detach(), atol=1e-6)
    bits, before = synthetic.bits(), whole.bits()
    assert (2 * bits.data, bits.side) == (before.data, before.side)
    assert bits.total == 8 * sum(len(row) for rows in packed.columns.values() for row in rows)


def test_a_sparse_spectrum_is_the_best_one():
    synthetic, x = filled(HarmonicSet)
    energy, _ = synthetic.energy().sort(0, descending=True)
    for harmonics in (2, 5):
        sparse = synthetic.sparse(harmonics)
        assert (sparse.kept.sum(0) == harmonics).all()
        lost = (sparse().x - x).square().sum(0)
        assert torch.allclose(lost, energy[harmonics:].sum(0), rtol=1e-4)
    assert synthetic.kept.all() and synthetic.harmonics is None
    # bins 0..8: 4 bits each, 5 of them are 20 bits, 3 bytes
    assert sparse.bits().side == 3 * 24


def test_a_wrapped_series_goes_on_with_its_beginning():
    # lookback 4 and horizon 2: 4 steps hold no window, and with 5 more each of them starts one
    synthetic, x = filled(HarmonicSet, 4, wrap=5)
    decoded = synthetic()
    assert torch.allclose(decoded.x, torch.cat((x, x, x[:1])), atol=1e-6)
    assert synthetic.size == 4 and synthetic.examples(decoded) == 4
    packed = synthetic.pack()
    assert np.allclose(read(packed, series_spec())[0], decoded.x.detach(), atol=1e-6)
    assert synthetic.bits().total == 8 * sum(map(len, packed.columns["codes"])) == 32 * 3 * 4
    synthetic.assign(2 * decoded.x)
    assert torch.allclose(synthetic().x, 2 * decoded.x, atol=1e-6)


def test_a_wrapped_series_is_quantized_as_it_is_stored():
    inner, x = filled(HarmonicSet, 4, wrap=5)
    synthetic = QuantizedSet(synthetic=inner, quantizer=UniformQuantizer(bits=8))
    synthetic.initialize(x, torch.arange(4), series_spec())
    packed = synthetic.pack()
    x = read(packed, series_spec())[0]
    assert np.allclose(x, synthetic().x.detach(), atol=1e-6) and len(x) == 9


@pytest.mark.parametrize("cls", [SeriesSet, HarmonicSet])
def test_examples_are_windows(cls):
    synthetic, x = filled(cls)
    decoded = synthetic()
    assert synthetic.size == 16 and synthetic.examples(decoded) == 16 - 6 + 1
    batch = synthetic.view(decoded, torch.tensor([0, 10]))
    assert torch.allclose(batch.x, torch.stack((x[0:4], x[10:14])), atol=1e-6)
    assert torch.allclose(batch.y, torch.stack((x[4:6], x[14:16])), atol=1e-6)
    batch.y.sum().backward()
    assert all(parameter.grad is not None for parameter in synthetic.parameters())


def test_values_are_packed_by_channel():
    synthetic, x = filled(SeriesSet)
    packed = synthetic.pack()
    assert torch.equal(torch.frombuffer(bytearray(packed.columns["codes"][1]), dtype=torch.float32), x[:, 1])
    assert synthetic.bits().total == 8 * sum(map(len, packed.columns["codes"])) == 16 * 3 * 32


def test_lengths_and_harmonics_that_do_not_fit():
    with pytest.raises(UserError, match="length is 5 and one window takes 6"):
        filled(SeriesSet, 5)
    with pytest.raises(UserError, match="harmonics is 10; 16 time steps have 1 to 9"):
        filled(HarmonicSet, harmonics=10)
    with pytest.raises(UserError, match=r"one window takes 6 .* raise the length to 2 or more, or synthetic.wrap to 5"):
        filled(HarmonicSet, 1, wrap=4)
    with pytest.raises(UserError, match="wrap is -1"):
        filled(HarmonicSet, wrap=-1)
    with pytest.raises(UserError, match="choose SeriesData"):
        SeriesSet().initialize(torch.zeros(1, 1), torch.zeros(1), samples())
    assert PixelSet(per_class=3).size == 3
