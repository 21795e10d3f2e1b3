import pytest
import torch

from hf_distill.errors import UserError
from hf_distill.options import WIDTHS
from hf_distill.parts import concrete
from hf_distill.quantization import LearnedLevels, PowersOfTwoQuantizer, UniformQuantizer
from hf_distill.quantization.base import Quantizer

QUANTIZERS = {cls.__name__: cls for cls in concrete(Quantizer)}
WIDE = {"UniformQuantizer"}


def rows(groups=3, n=200, seed=0):
    return torch.randn(groups, n, generator=torch.Generator().manual_seed(seed))


def cases():
    made = [(cls, {"bits": bits}) for name, cls in QUANTIZERS.items() for bits in WIDTHS if bits <= 8 or name in WIDE]
    return [*made, (UniformQuantizer, {"bits": 3, "symmetric": True}), (UniformQuantizer, {"rounding": "soft"})]


@pytest.mark.parametrize(("cls", "options"), cases())
def test_the_round_trip_is_exact(cls, options):
    quantizer, x = cls(**options), rows()
    quantizer.calibrate(x)
    with torch.no_grad():
        # Where training may leave the parameters: not on a float16.
        for parameter in quantizer.parameters():
            parameter.mul_(1.0007)
    codes = quantizer.encode(x)
    assert codes.min() >= 0 and codes.max() < quantizer.levels <= 2**quantizer.bits
    assert torch.equal(quantizer.decode(codes), quantizer(x))
    assert quantizer.side().shape == quantizer.side_shape(3) and quantizer.side().dtype == torch.float16
    assert quantizer.side_bits(3) == 16 * quantizer.side().numel()
    assert cls(**quantizer.config()["init_args"]).config() == quantizer.config()


@pytest.mark.parametrize("cls", QUANTIZERS.values())
def test_more_bits_lose_less(cls):
    errors = []
    for bits in (1, 2, 4, 8):
        quantizer = cls(bits=bits)
        quantizer.calibrate(rows())
        errors.append(float((quantizer(rows()) - rows()).detach().square().mean()))
    assert errors == sorted(errors, reverse=True) and errors[-1] < 1e-3


def test_two_uniform_bits_are_four_equal_steps():
    quantizer = UniformQuantizer(bits=2)
    quantizer.calibrate(torch.tensor([[0.0, 1.0, 2.0, 3.0]]))
    assert quantizer.decode(torch.arange(4)[None]).tolist() == [[0, 1, 2, 3]]
    symmetric = UniformQuantizer(bits=3, symmetric=True)
    torch.testing.assert_close(symmetric.grid(), torch.tensor([-3, -2, -1, 0, 1, 2, 3]) / 3)


def test_powers_of_two_are_those_of_the_paper():
    # B = 2 magnitude bits: {0, 1/4, 1/2, 1}, and a sign.
    quantizer = PowersOfTwoQuantizer(bits=3)
    assert quantizer.grid().tolist() == [-1, -0.5, -0.25, 0, 0.25, 0.5, 1]
    # B = 4: sums of {0, 1, 1/4, 1/16} and {0, 1/2, 1/8, 1/32} over their largest, 1.5.
    a, b = torch.tensor([0, 1, 1 / 4, 1 / 16]), torch.tensor([0, 1 / 2, 1 / 8, 1 / 32])
    expected = ((a[:, None] + b).flatten() / 1.5).sort().values
    grid = PowersOfTwoQuantizer(bits=5).grid()
    assert torch.allclose(grid[15:], expected) and torch.equal(grid, -grid.flip(0))
    for bits in range(2, 9):
        grid = PowersOfTwoQuantizer(bits=bits).grid()
        assert len(grid.unique()) == 2**bits - 1 and grid[-1] == 1


def test_the_gradient_is_that_of_reparameterised_clipping():
    quantizer = PowersOfTwoQuantizer(bits=3)
    quantizer.calibrate(rows(1))
    with torch.no_grad():
        quantizer.alpha.fill_(2.0)
    x = torch.tensor([[-5.0, 0.6, 1.3, 3.0]], requires_grad=True)
    out = quantizer(x)
    assert out.tolist() == [[-2, 0.5, 1, 2]]
    (each,) = torch.autograd.grad(out[0, 0], quantizer.alpha, retain_graph=True)
    assert each.item() == -1  # the sign of x, outside
    (each,) = torch.autograd.grad(out[0, 1], quantizer.alpha, retain_graph=True)
    assert each.item() == pytest.approx(0.25 - 0.3)  # uq - x / alpha, inside
    out.sum().backward()
    assert x.grad.tolist() == [[0, 1, 1, 0]]


@pytest.mark.parametrize("symmetric", [False, True])
def test_the_smooth_surrogate_has_its_finite_differences_as_gradient(symmetric):
    quantizer = UniformQuantizer(bits=3, symmetric=symmetric, rounding="soft").double()
    quantizer.calibrate(rows())
    x = rows(3, 40, seed=1).double().requires_grad_()

    def smooth(x):
        return quantizer.smooth(x)

    step = 1e-6
    inside = x.detach()
    numeric = (smooth(inside + step) - smooth(inside - step)) / (2 * step)
    (analytic,) = torch.autograd.grad(smooth(x).sum(), x)
    assert torch.allclose(analytic, numeric.detach(), atol=1e-4)
    # and it is the gradient that the hard-rounded result has
    (own,) = torch.autograd.grad(quantizer(x).sum(), x)
    torch.testing.assert_close(own, analytic)
    assert not torch.equal(quantizer(x), smooth(x))


def test_a_sharp_staircase_is_hard_rounding():
    quantizer = UniformQuantizer(bits=2, sharpness=200.0)
    quantizer.calibrate(rows())
    x = rows(3, 50, seed=2)
    assert ((quantizer.smooth(x) - quantizer(x)).abs() < 1e-3).float().mean() > 0.9


def test_levels_get_the_gradient_of_what_they_stand_for():
    quantizer = LearnedLevels(bits=1)
    quantizer.calibrate(torch.tensor([[0.0, 0.0, 1.0]]))
    x = torch.tensor([[0.1, 0.2, 0.9]], requires_grad=True)
    quantizer(x).mul(torch.tensor([1.0, 2.0, 5.0])).sum().backward()
    assert quantizer.codebook.grad.tolist() == [[3, 5]] and x.grad.tolist() == [[1, 2, 5]]


def test_the_usage_term_brings_a_dead_level_back():
    x = rows(1, 400)
    quantizer = LearnedLevels(bits=2, usage=1.0)
    quantizer.calibrate(x)
    assert quantizer.penalty(x).item() == 0
    with torch.no_grad():
        quantizer.codebook[0, 3] = 9.0
    assert (quantizer.encode(x) == 3).sum() == 0 and quantizer.penalty(x).item() > 0
    optimizer = torch.optim.Adam(quantizer.parameters(), lr=0.1)
    for _ in range(100):
        optimizer.zero_grad()
        quantizer.penalty(x).backward()
        optimizer.step()
    assert (quantizer.encode(x) == 3).sum() > 0 and 2 < quantizer.codebook[0, 3] < 9
    assert LearnedLevels(usage=0.0).penalty(x) is None


@pytest.mark.parametrize("cls", QUANTIZERS.values())
def test_parameters_stay_within_the_values(cls):
    quantizer, x = cls(bits=2), rows()
    quantizer.calibrate(x)
    with torch.no_grad():
        for parameter in quantizer.parameters():
            parameter.mul_(-50)
    quantizer.project(x.amin(1), x.amax(1))
    out = quantizer(x)
    most = x.abs().amax(1, keepdim=True) + 0.02
    assert torch.isfinite(out).all() and (out.abs() <= most).all()


@pytest.mark.parametrize("cls", QUANTIZERS.values())
def test_constant_rows_have_a_range(cls):
    quantizer = cls(bits=2)
    quantizer.calibrate(torch.full((1, 5), 0.5))
    assert torch.allclose(quantizer(torch.full((1, 5), 0.5)), torch.full((1, 5), 0.5), atol=2e-2)


def test_mistakes():
    for bits in (0, 9, 32):
        with pytest.raises(UserError, match=f"bits is {bits}; it must be one of 1, 2"):
            UniformQuantizer(bits=bits)
    with pytest.raises(UserError, match="only level is zero"):
        UniformQuantizer(bits=1, symmetric=True).calibrate(rows())
    with pytest.raises(UserError, match="bits is 16; it must be 1 to 8"):
        LearnedLevels(bits=16)
    quantizer = UniformQuantizer(bits=2)
    quantizer.calibrate(rows())
    with pytest.raises(UserError, match="1 of 3 values are not finite"):
        quantizer.encode(torch.tensor([[0.0, float("nan"), 1.0]]).expand(1, 3))
    with pytest.raises(UserError, match="codes reach from 0 to 4, not from 0 to 3"):
        quantizer.decode(torch.tensor([[0, 4]]))
    with pytest.raises(UserError, match="not float32"):
        quantizer.decode(torch.tensor([[float("nan")]]))
    with pytest.raises(UserError, match="not finite"):
        quantizer.calibrate(torch.tensor([[float("inf")]]))
    with pytest.raises(UserError, match="reach 7e\\+04"):
        quantizer.calibrate(torch.tensor([[7e4]]))


def test_the_gradient_of_both_ends():
    quantizer = UniformQuantizer(bits=2)
    quantizer.calibrate(torch.tensor([[0.0, 1.0, 2.0, 3.0]]))
    out = quantizer(torch.tensor([[0.9, -1.0, 5.0]]))
    assert out.tolist() == [[1, 0, 3]]
    # With the level uq and the place u of a value, in units of the range: inside the ends get -(uq - u) and uq - u, so
    # that a shift of the range alone changes nothing; outside the end that the value is clipped to gets all.
    for place, (low, high) in enumerate([(-(1 / 3 - 0.3), 1 / 3 - 0.3), (1, 0), (0, 1)]):
        (each,) = torch.autograd.grad(out[0, place], quantizer.ends, retain_graph=True)
        assert each[0].tolist() == pytest.approx([low, high], abs=1e-6)
