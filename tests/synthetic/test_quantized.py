import copy

import numpy as np
import pytest
import torch

from hf_distill.decode import Damaged, variables
from hf_distill.errors import UserError
from hf_distill.labels import DenseLabels
from hf_distill.quantization import Budget, LearnedLevels, PowersOfTwoQuantizer, UniformQuantizer
from hf_distill.synthetic import HarmonicSet, PixelSet, QuantizedSet, SeriesSet, VectorSet
from tests.synthetic.quantized import filled, read, series_spec, spec

INNER = [
    PixelSet(per_class=2),
    VectorSet(per_class=2),
    SeriesSet(length=16),
    HarmonicSet(length=16),
    HarmonicSet(length=15),
]
QUANTIZERS = [
    UniformQuantizer(bits=3, granularity="channel"),
    UniformQuantizer(bits=16),
    UniformQuantizer(bits=2, symmetric=True),
    PowersOfTwoQuantizer(bits=4, granularity="channel"),
    LearnedLevels(bits=2),
]


@pytest.mark.parametrize("inner", INNER, ids=lambda part: type(part).__name__)
@pytest.mark.parametrize("quantizer", QUANTIZERS, ids=lambda part: f"{type(part).__name__}{part.bits}")
def test_the_file_holds_the_exact_samples_in_the_claimed_bits(inner, quantizer):
    synthetic = filled(copy.deepcopy(inner), quantizer)
    packed, bits = synthetic.pack(), synthetic.bits()
    values = variables(packed.meta, packed.columns)
    for name, exact in synthetic.codes().items():
        assert np.array_equal(values[name], exact.detach().numpy())
    x, y, w = read(packed, synthetic.spec)
    exact = synthetic().x.detach().numpy()
    if isinstance(inner, HarmonicSet):
        assert np.allclose(x, exact, atol=1e-5)
    else:
        assert np.array_equal(x, exact)
    written = sum(8 * len(column[0]) for column in packed.columns.values() if isinstance(column[0], bytes))
    hard = not isinstance(inner, SeriesSet)
    assert bits.total == written + 16 * hard == packed.meta["claimed_bits"]
    if hard:
        assert y.tolist() == synthetic().y.tolist() and bits.labels == 16
    assert w.tolist() == [1] * len(x)


@pytest.mark.parametrize("granularity", ["tensor", "channel", "class", "sample"])
def test_planned_bits_are_the_bits(granularity):
    synthetic = filled(PixelSet(per_class=4), UniformQuantizer(bits=3, granularity=granularity))
    groups = {"tensor": 1, "channel": 1, "class": 3, "sample": 12}[granularity]
    assert synthetic.planner().bits(spec(), 4) == synthetic.bits()
    assert synthetic.bits().side == groups * 32 and synthetic.bits().data == 12 * 16 * 3


def test_a_budget_decides_the_samples():
    # a class: 16 values of 2 bits each; beside them 16 bits for the labels and 32 for the ends of the range
    for budget, samples in ((100, 2), (111, 2), (112, 3)):
        synthetic = QuantizedSet(quantizer=UniformQuantizer(bits=2), budget=Budget(bits_per_class=budget))
        synthetic.planner().plan(spec())
        assert synthetic.size == samples
        assert synthetic.planner().bits(spec(), samples).total <= 3 * budget
        assert synthetic.planner().bits(spec(), samples + 1).total > 3 * budget
    with pytest.raises(UserError, match=r"90 bits are too few: .* takes 144; give budget.bits_per_class 48"):
        QuantizedSet(quantizer=UniformQuantizer(bits=2), budget=Budget(bits_per_class=30)).planner().plan(spec())


def test_a_budget_decides_the_time_steps():
    synthetic = QuantizedSet(synthetic=SeriesSet(), quantizer=UniformQuantizer(bits=4), budget=Budget(total_bytes=34))
    synthetic.planner().plan(series_spec())
    assert synthetic.size == (34 * 8 - 32) // 12
    few = QuantizedSet(synthetic=SeriesSet(), quantizer=UniformQuantizer(bits=4), budget=Budget(total_bytes=9))
    with pytest.raises(UserError, match=r"give budget\.total_bytes 13"):
        few.planner().plan(series_spec())


def test_gradients_reach_values_and_levels_at_their_own_rates():
    synthetic = filled(PixelSet(per_class=2), quantizer_lr=0.25)
    synthetic().x.square().sum().backward()
    assert all(parameter.grad is not None for parameter in synthetic.parameters())
    groups = synthetic.param_groups(2.0)
    assert [group["lr"] for group in groups] == [2.0, 0.5]
    assert sum(len(group["params"]) for group in groups) == len(list(synthetic.parameters())) == 2
    assert set(synthetic.penalties()) == {"usage_pixels"}
    synthetic.project()


def test_sixteen_bits_are_the_plain_set():
    synthetic = filled(PixelSet(per_class=2), UniformQuantizer(bits=16))
    # ends are float16, so that a step's worth of clipping is left at them
    assert torch.allclose(synthetic().x, synthetic.synthetic().x, atol=2e-3)


class Mirrored(PixelSet):
    """A set of somebody's own: what it stores is not what it decodes to."""

    def decode(self, codes):
        return self.labelled(codes["pixels"].flip(-1), codes)


def test_the_decoder_does_not_make_up_what_a_set_of_somebodys_own_stands_for():
    synthetic = filled(Mirrored(per_class=2), UniformQuantizer(bits=3))
    for packed, name in ((synthetic.pack(), "pixels"), (synthetic.synthetic.pack(), "codes")):
        assert packed.meta["inputs"] is None
        assert variables(packed.meta, packed.columns)[name].shape == (6, 1, 4, 4)
        with pytest.raises(Damaged, match="Mirrored is no set of hf_distill: its author knows"):
            read(packed, spec())


class Silent(PixelSet):
    """A set of somebody's own that says nothing of its labels but what it decodes to."""

    label_part = None


def test_the_classes_of_a_set_that_says_nothing_of_its_labels_are_stored_too():
    synthetic = filled(Silent(per_class=2), UniformQuantizer(bits=3))
    assert (
        synthetic.bits()
        == synthetic.planner().bits(spec(), 2)
        == filled(PixelSet(per_class=2), UniformQuantizer(bits=3)).bits()
    )
    assert read(synthetic.pack(), spec())[1].tolist() == [0, 0, 1, 1, 2, 2]


def test_learned_labels_are_quantized_and_counted():
    inner = PixelSet(per_class=2, labels=DenseLabels())
    synthetic = filled(inner, labels=UniformQuantizer(bits=4))
    assert synthetic.bits().labels == 6 * 3 * 4
    packed = synthetic.pack()
    assert packed.meta["variables"]["labels"]["bits"] == 4 and "per_class" not in packed.columns
    x, y, w = read(packed, spec())
    assert np.array_equal(x, synthetic().x.detach()) and w.tolist() == [1] * 6
    assert np.allclose(y, synthetic().y.detach(), atol=1e-7) and np.allclose(y.sum(1), 1)
    (synthetic().y[:, 0].sum()).backward()
    assert inner.labels.values.grad.abs().sum() > 0


def test_labels_in_any_order_are_packed():
    synthetic = QuantizedSet(synthetic=PixelSet(per_class=1))
    y = torch.tensor([2, 0, 1])
    synthetic.initialize(torch.randn(3, 1, 4, 4), y, spec())
    packed = synthetic.pack()
    assert read(packed, spec())[1].tolist() == y.tolist() and synthetic.bits().labels == 8


def test_unequal_classes_need_bits_for_every_label():
    y = torch.tensor([0, 0, 1, 2])
    for equal in (True, False):
        budget = Budget(bits_per_class=36)
        synthetic = QuantizedSet(
            synthetic=PixelSet(per_class=1), quantizer=UniformQuantizer(bits=1), budget=budget, equal_classes=equal
        )
        synthetic.planner().plan(spec())
        assert synthetic.size == 1
    # 3 samples of 16 bits, 32 for the ends and 8 for labels fit into 108; with 4 samples nothing fits
    synthetic.initialize(torch.randn(3, 1, 4, 4), torch.tensor([0, 0, 2]), spec())
    assert synthetic.bits() == synthetic.planner().bits(spec(), 1) and synthetic.bits().total == 88
    synthetic.budget = Budget(total_bytes=11)
    with pytest.raises(UserError, match=r"takes 104 bits and the budget is 88: .*equal_classes=false"):
        synthetic.initialize(torch.randn(4, 1, 4, 4), y, spec())


def test_codes_that_do_not_fit_their_description():
    packed = filled(PixelSet(per_class=2), UniformQuantizer(bits=2, symmetric=True)).pack()

    def changed(**columns):
        return variables(packed.meta, {**packed.columns, **columns})

    with pytest.raises(Damaged, match="damaged"):
        changed(pixels=[packed.columns["pixels"][0][:-1]])
    with pytest.raises(Damaged, match="code 3, and there are 3 levels"):
        changed(pixels=[b"\xff" * 24])
    with pytest.raises(Damaged, match="not finite"):
        changed(pixels_side=[np.array([np.nan], "<f2").tobytes()])
    with pytest.raises(Damaged, match="pixels_side has 4 bytes"):
        changed(pixels_side=[b"\0" * 4])
    synthetic = filled(PixelSet(per_class=2, clip=False))
    with torch.no_grad():
        synthetic.synthetic.pixels[0] = float("nan")
    with pytest.raises(UserError, match="16 of 96 values are not finite"):
        synthetic.pack()


def test_after_the_warm_up_levels_are_fitted_to_what_was_learned():
    synthetic = filled(PixelSet(per_class=2), UniformQuantizer(bits=1), warmup=0.5)
    parameters = list(synthetic.parameters())
    synthetic.advance(0.49)
    assert torch.equal(synthetic().x, synthetic.synthetic().x) and synthetic.penalties() == {}
    with torch.no_grad():
        synthetic.synthetic.pixels.copy_(torch.tensor([-1.0, 0.5]).repeat(48).reshape(6, 1, 4, 4))
    resumed = filled(PixelSet(per_class=2), UniformQuantizer(bits=1), warmup=0.5)
    resumed.load_state_dict(synthetic.state_dict())
    for each in (synthetic, resumed):
        each.advance(0.5)
        assert torch.allclose(each().x, each.synthetic().x, atol=1e-3)  # both levels are where the values are
        before = each().x.detach()
        with torch.no_grad():
            each.synthetic.pixels.mul_(0.5)
        each.advance(0.6)
        assert torch.equal(each().x, before)  # fitted once, rounded since
    assert all(own is old for own, old in zip(synthetic.parameters(), parameters, strict=True))
