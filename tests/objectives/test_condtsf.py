import pytest
import torch

from hf_distill.data import RealData
from hf_distill.errors import UserError
from hf_distill.initialization import SubSeries
from hf_distill.learners.task import task_of
from hf_distill.methods import OptimizedDistillation, Run
from hf_distill.objectives import CondTSF, TrajectoryMatching
from hf_distill.pools import PretrainedNetworks
from hf_distill.seeding import Streams
from hf_distill.synthetic import HarmonicSet, SeriesSet
from tests.objectives.sets import LINEAR, fresh, harmonic_set, pixel_set, small_series


def condtsf(**options):
    expert = PretrainedNetworks(network=LINEAR, steps=20)
    return CondTSF(**{"objective": TrajectoryMatching(pool=fresh()), "pool": expert} | options)


@pytest.mark.parametrize("cls", [SeriesSet, HarmonicSet])
def test_an_update_moves_the_futures_to_the_forecasts(cls):
    real = small_series()
    # One window: 6 steps of past stay, 3 of future become the forecast where beta is 1.
    synthetic = harmonic_set(real, length=9, cls=cls)
    before = synthetic().x.detach().clone()
    objective = condtsf(beta=1.0, every=1)
    terms = objective(synthetic, real, Streams(0))
    objective.on_step_end(synthetic)
    after = synthetic().x.detach()
    forecast = objective.pool.draw(task_of(real), synthetic, Streams(0))(before[None, :6])[0]
    assert torch.allclose(after[:6], before[:6], atol=1e-5) and torch.allclose(after[6:], forecast, atol=1e-5)
    assert terms["move"].item() == pytest.approx((after - before).square().mean().item(), rel=1e-3)


def test_every_third_step_is_an_update():
    real = small_series()
    synthetic = harmonic_set(real)
    names = [next(iter(condtsf()(synthetic, real, Streams(0, step=step)))) for step in range(6)]
    assert names == ["trajectory", "trajectory", "move"] * 2
    options = {"synthetic": SeriesSet(length=20), "initial": SubSeries(), "optimizer": "adam", "lr": 0.1, "steps": 3}
    fitted = OptimizedDistillation(objective=condtsf(), preview_every=0, **options).fit(real, Run(progress=False))
    assert torch.isfinite(fitted.values).all()


def test_images_have_no_future():
    images = RealData().setup()
    with pytest.raises(UserError, match="CondTSF needs a time series"):
        condtsf().prepare(pixel_set(images), images, 1)
