import math

import numpy as np
import pytest
import torch

from hf_distill.data.batch import Batch
from hf_distill.errors import UserError
from hf_distill.quantization import Budget, UniformQuantizer
from hf_distill.synthetic import PixelSet, QuantizedSet, SeriesSet
from hf_distill.synthetic.smoothness import total_variation
from tests.synthetic.quantized import filled, read, series_spec, spec


@pytest.mark.parametrize("granularity", ["tensor", "channel", "class", "sample"])
def test_coded_files_hold_the_exact_samples_in_the_claimed_bits(granularity):
    smooth = torch.linspace(-1, 1, 16).reshape(1, 4, 4) * torch.linspace(0.5, 1, 60)[:, None, None, None]
    y = torch.arange(3).repeat_interleave(20)
    sizes = {}
    for coding in ("packed", "entropy"):
        quantizer = UniformQuantizer(bits=2, granularity=granularity)
        synthetic = QuantizedSet(synthetic=PixelSet(per_class=20), quantizer=quantizer, coding=coding)
        synthetic.initialize(smooth, y, spec())
        packed = synthetic.pack()
        assert np.array_equal(read(packed, spec())[0], synthetic().x.detach().numpy())
        assert synthetic.bits().data == 8 * len(packed.columns["pixels"][0])
        sizes[coding] = synthetic.bits().data
    assert sizes["packed"] == 60 * 16 * 2 and sizes["entropy"] < 0.6 * sizes["packed"]


def test_what_coding_does_not_shrink_stays_packed():
    synthetic = filled(PixelSet(per_class=2), UniformQuantizer(bits=3), coding="entropy")
    assert synthetic.bits() == filled(PixelSet(per_class=2), UniformQuantizer(bits=3)).bits()
    assert "coding" not in synthetic.pack().meta["variables"]["pixels"]


def test_a_budget_buys_more_coded_samples_and_keeps_to_it():
    budget = Budget(bits_per_class=400)  # 1200 bits: 12 samples of 16 x 2 bits a class, ranges and labels beside them

    def drawn(size):
        y = torch.arange(3).repeat_interleave(size)
        return torch.linspace(-1, 1, 16).reshape(1, 1, 4, 4).expand(len(y), 1, 4, 4), y

    synthetic = QuantizedSet(quantizer=UniformQuantizer(bits=2, granularity="sample"), budget=budget, coding="entropy")
    synthetic.planner().plan(spec())
    assert synthetic.size == 6  # 16 x 2 bits and a range of 32 each
    assert synthetic.planner().replan(Batch.of(*drawn(6)), spec()) and synthetic.size > 6
    x, y = drawn(synthetic.size)
    synthetic.initialize(x, y, spec())
    with torch.no_grad():  # what was learned is as good as random, and takes more than was planned
        synthetic.synthetic.pixels.copy_(torch.randn(x.shape, generator=torch.Generator().manual_seed(0)))
        synthetic.calibrate()
    assert synthetic.bits().total > 1200
    before, labels = synthetic().x, synthetic().y
    synthetic.advance(1.0)
    assert 0.8 * 1200 < synthetic.bits().total <= 1200 and synthetic.size < len(x) // 3
    after = synthetic()
    assert after.y.tolist() == sorted(after.y.tolist()) and after.y.bincount().tolist() == [synthetic.size] * 3
    rows = [(before == sample).flatten(1).all(1).nonzero()[0, 0] for sample in after.x]
    assert labels[torch.stack(rows)].equal(after.y)  # whole samples with the values that they had

    packed = QuantizedSet(quantizer=UniformQuantizer(bits=2), budget=budget)
    packed.planner().plan(spec())
    assert not packed.planner().replan(Batch.of(*drawn(packed.size)), spec())


def test_a_budget_that_only_coded_samples_fit():
    noise = torch.randn(3, 1, 4, 4, generator=torch.Generator().manual_seed(0))
    even, uneven = (
        QuantizedSet(synthetic=PixelSet(), budget=Budget(bits_per_class=40), coding="entropy") for _ in range(2)
    )
    even.planner().plan(spec())  # packed 3 x 16 x 2 bits, a range of 32 and labels of 16: 48 a class
    assert even.planner().replan(Batch.of(torch.ones(3, 1, 4, 4), torch.arange(3)), spec()) and even.size >= 1
    uneven.planner().plan(spec())
    with pytest.raises(UserError, match="120 bits are too few: with 2 bits a value the smallest set takes 144; give"):
        uneven.planner().replan(Batch.of(noise, torch.arange(3)), spec())
    with pytest.raises(UserError, match="too few"):
        QuantizedSet(synthetic=PixelSet(), budget=Budget(bits_per_class=40)).planner().plan(spec())


def test_total_variation_is_what_neighbours_differ_by():
    assert total_variation(torch.tensor([[1.0, 3.0, 0.0], [1.0, 1.0, 1.0]])) == (2 + 3) / 4
    ramp = torch.arange(12.0).reshape(1, 1, 3, 4)  # 1 in a line, 4 in a column
    assert total_variation(ramp) == 5 and total_variation(torch.zeros(2, 1)) == 0
    synthetic = QuantizedSet(synthetic=PixelSet(per_class=1), smoothness=0.5)
    synthetic.initialize(ramp, torch.zeros(1, dtype=torch.long), spec((1, 3, 4), classes=1))
    with torch.no_grad():
        synthetic.synthetic.pixels.copy_(ramp)
    assert synthetic.penalties() == {"smoothness_pixels": 2.5}
    assert filled(PixelSet(per_class=2)).penalties().keys() == {"usage_pixels"}


def test_a_set_that_shrinks_has_more_samples_and_is_smoothed_until_they_fit():
    budget = Budget(bits_per_class=6000)
    options = {"quantizer": UniformQuantizer(bits=2), "budget": budget, "coding": "entropy", "smoothness": 0.5}
    x = torch.randn(3000, 1, 4, 4, generator=torch.Generator().manual_seed(0)).cumsum(2).cumsum(3)

    def drawn(size):
        return x[: 3 * size], torch.arange(3).repeat_interleave(size)

    def planned(**more):
        synthetic = QuantizedSet(synthetic=PixelSet(), **options, **more)
        synthetic.planner().plan(spec())
        assert synthetic.planner().replan(Batch.of(*drawn(synthetic.size)), spec())
        synthetic.initialize(*drawn(synthetic.size), spec())
        return synthetic

    plain, shrunk = planned(), planned(shrink=0.5)
    assert shrunk.size == pytest.approx(2 * plain.size, rel=0.03)
    plain.advance(0.0)
    assert plain.penalties()["smoothness_pixels"] == 0.5 * total_variation(plain.synthetic.pixels)
    shrunk.advance(0.0)  # twice as many bits as there are
    twice = shrunk.penalties()["smoothness_pixels"] / total_variation(shrunk.synthetic.pixels)
    assert math.log2(twice.item() / 0.5) == pytest.approx(8, rel=0.05)
    with torch.no_grad():
        shrunk.synthetic.pixels.copy_(x[:1].expand_as(x[: 3 * shrunk.size]))  # all alike: next to nothing
    shrunk.advance(0.5)
    assert shrunk.penalties()["smoothness_pixels"] < 1e-3


def test_coding_that_does_not_fit():
    enough = {"budget": Budget(bits_per_class=400), "coding": "entropy", "smoothness": 0.1}
    for name, value in (("budget", None), ("coding", "packed"), ("smoothness", 0.0)):
        with pytest.raises(UserError, match="shrink needs a budget, coding=entropy and a smoothness"):
            QuantizedSet(**{**enough, name: value}, shrink=0.5).planner().plan(spec())
    with pytest.raises(UserError, match="SeriesSet has none"):
        QuantizedSet(synthetic=SeriesSet(), budget=Budget(total_bytes=99), coding="entropy").planner().plan(
            series_spec()
        )
