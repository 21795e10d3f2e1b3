import pytest
import torch

from hf_distill.data import RealData
from hf_distill.errors import UserError
from hf_distill.objectives import HarmonicMatching, TrajectoryMatching
from hf_distill.objectives.harmonic import harmonic_distance
from hf_distill.seeding import Streams
from tests.objectives.sets import fresh, harmonic_set, pixel_set, small_series


def short():
    return TrajectoryMatching(pool=fresh())


def test_a_set_that_equals_the_piece_has_no_loss():
    # The training part is as long as the set: there is one piece only.
    real = small_series(rows=60)
    synthetic = harmonic_set(real, length=20)
    terms = HarmonicMatching(k=4, trajectory=short())(synthetic, real, Streams(5))
    assert terms["harmonic"].item() == pytest.approx(0, abs=1e-5)
    assert terms["trajectory"].item() == pytest.approx(0, abs=1e-8)


def test_phases_are_free():
    real = small_series(rows=60)
    turned = harmonic_set(real, length=20)
    with torch.no_grad():
        turned.real[1:-1], turned.imag[1:-1] = turned.imag[1:-1].clone(), -turned.real[1:-1].clone()
    terms = HarmonicMatching(k=6, trajectory=short())(turned, real, Streams(5))
    assert terms["harmonic"].item() == pytest.approx(0, abs=1e-5)
    assert terms["trajectory"].item() > 1e-3


@pytest.mark.parametrize(("p", "expected"), [(1.0, 2.0), (2.0, (20 / 4) ** 0.5)])
def test_the_distance_is_a_mean_over_the_top_bins(p, expected):
    theirs = torch.tensor([[3 + 4j, 1], [2, 8], [0.5, 0.1]])
    ours = torch.tensor([[1, 1], [0, -8], [9, 9]], dtype=theirs.dtype)
    # Gaps of amplitudes in bins 0 and 1: 4, 0 and 2, 0; with an extra 2 where p is 1.
    top = torch.tensor([[0, 0], [1, 1]])
    if p == 1:
        ours[0, 1] = 3
    assert harmonic_distance(ours, theirs, top, p).item() == pytest.approx(expected, rel=1e-4)


def test_only_the_top_bins_of_the_real_piece_get_a_gradient():
    real = small_series(rows=60)
    synthetic = harmonic_set(real, length=20)
    with torch.no_grad():
        synthetic.real.mul_(1.5)
        synthetic.imag.mul_(1.5)
    HarmonicMatching(k=3, trajectory=short())(synthetic, real, Streams(0))["harmonic"].backward()
    moved = (synthetic.real.grad.abs() + synthetic.imag.grad.abs()) > 1e-6
    assert moved.sum(0).tolist() == [3, 3]
    top = synthetic.energy().div(torch.tensor([1.0] + [2.0] * 9 + [1.0])[:, None]).topk(3, 0).indices
    assert moved.gather(0, top).all()


def test_options_that_do_not_fit():
    real = small_series()
    synthetic = harmonic_set(real)
    for options, message in (
        ({"k": 12}, "objective.k is 12; 20 time steps have 1 to 11"),
        ({"k": 3, "weight": 0, "trajectory": None}, "nothing is left to match"),
    ):
        with pytest.raises(UserError, match=message):
            HarmonicMatching(**options).prepare(synthetic, real, 1)
    images = RealData().setup()
    with pytest.raises(UserError, match="needs a time series"):
        HarmonicMatching().prepare(pixel_set(images), images, 1)
