import pytest
import torch
from datasets import Dataset

from hf_distill.data import SeriesData
from hf_distill.errors import UserError
from hf_distill.initialization import SubSeries
from hf_distill.initialization.subseries import profile
from hf_distill.seeding import Streams


def series(values):
    return SeriesData.from_dataset(Dataset.from_dict({"a": values}), lookback=4, horizon=2, splits=[200, 220, 240])


@pytest.fixture(scope="module")
def noise():
    return series(torch.randn(240, generator=torch.Generator().manual_seed(0)).tolist()).setup()


def test_a_piece_is_contiguous_and_follows_from_the_seed(noise):
    batch = SubSeries().draw(noise, 20, Streams(1))
    x, y = batch.x, batch.y
    assert x.shape == (20, 1) and y.tolist() == list(range(20))
    assert any(torch.equal(x, noise.train.values[at : at + 20]) for at in range(181))
    assert torch.equal(x, SubSeries().draw(noise, 20, Streams(1)).x)
    assert not torch.equal(x, SubSeries().draw(noise, 20, Streams(2)).x)


def test_the_profile_of_a_ramp():
    spread, level, rough = profile(torch.arange(3.0)[:, None], 2)[:, 0].exp() - 1e-3
    # windows (0, 1) and (1, 2): deviation sqrt(1/2) each, means 1/2 and 3/2, steps of 1
    assert spread.item() == pytest.approx(0.5**0.5, rel=1e-5)
    assert level.item() == pytest.approx(((0.25 + 2.25) / 2) ** 0.5, rel=1e-5)
    assert rough.item() == pytest.approx(1, rel=1e-5)


def test_a_dead_stretch_is_not_typical():
    values = torch.randn(240, generator=torch.Generator().manual_seed(0))
    values[20:180] = 0
    real = series(values.tolist()).setup()
    x = SubSeries(choose="typical").draw(real, 20, Streams(0)).x
    whole, dead = profile(real.train.values, 6), profile(torch.zeros(20, 1), 6)
    assert (profile(x, 6) - whole).square().sum() < (dead - whole).square().sum()


def test_what_cannot_be_cut(noise):
    with pytest.raises(UserError, match="length is 201 and the training part of in-memory has 200"):
        SubSeries().draw(noise, 201, Streams(0))
    with pytest.raises(UserError, match="candidates is 0"):
        SubSeries(choose="typical", candidates=0).draw(noise, 20, Streams(0))
