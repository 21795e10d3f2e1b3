"""Real batches by importance: unbiased, alike after a resume, and heeded by every objective."""

import math

import pytest
import torch
from datasets import Dataset

from hf_distill.batches import LossProportional, SensitivityProportional
from hf_distill.data import RealData
from hf_distill.errors import Interrupted, UserError
from hf_distill.learners.task import Forecasting, task_of
from hf_distill.methods import OptimizedDistillation, Run
from hf_distill.networks import MLP
from hf_distill.objectives import GradientMatching, HarmonicMatching, TrajectoryMatching, UnrolledMatching
from hf_distill.seeding import Streams
from hf_distill.selection import LeverageSelector
from hf_distill.synthetic import SeriesSet, VectorSet
from tests.contract.test_objectives import IMAGES
from tests.objectives.sets import LINEAR, bank, fresh, harmonic_set, pixel_set, small_series, trained


@pytest.fixture
def real():
    """Two classes of 30, and one row of each far from the others."""
    x = torch.randn(60, 3, generator=torch.Generator().manual_seed(0))
    x[30:] += 2
    x[[5, 40]] *= 9
    return RealData.from_dataset(Dataset.from_dict({"v": x.tolist(), "label": [0] * 30 + [1] * 30})).setup()


@pytest.fixture(scope="module")
def digits():
    return RealData().setup()


@pytest.mark.parametrize("balance", ["equal", "natural"])
def test_weighted_means_are_unbiased(real, balance):
    real.class_balance = balance
    real.shares = torch.linspace(1, 9, 60)
    every = torch.cat([real.train.batch(real.train.class_index(label)).x for label in (0, 1)])
    generator = torch.Generator().manual_seed(0)
    means, weights = [], []
    for _ in range(400):
        batch = real.draw(20, generator)
        means.append((batch.w[:, None] * batch.x).mean(0))
        weights.append(batch.w.mean())
    found, error = torch.stack(means).mean(0), torch.stack(means).std(0) / math.sqrt(400)
    assert ((found - every.mean(0)).abs() < 3 * error).all()
    assert float(torch.stack(weights).mean()) == pytest.approx(1, abs=0.03)
    # Class by class the weights are those of the class.
    batch = real.sample([1], 1000, generator)
    assert float(batch.w.mean()) == pytest.approx(1, abs=0.1) and batch.y.tolist() == [1] * 1000


@pytest.mark.parametrize("make", [make for makes in IMAGES.values() for make in makes])
def test_no_objective_ignores_the_weights(make, digits, monkeypatch):
    drawn = RealData.draw_of
    terms = []
    for garbage in (0.0, 7.0):

        def spoilt(self, parts, count, generator, garbage=garbage):
            batch = drawn(self, parts, count, generator)
            batch.x[::2], batch.w[::2], batch.w[1::2] = garbage, 0.0, 2.0
            return batch

        monkeypatch.setattr(RealData, "draw_of", spoilt)
        objective, synthetic = make(), pixel_set_of(digits, drawn, monkeypatch)
        objective.prepare(synthetic, digits, 3)
        monkeypatch.setattr(RealData, "draw_of", spoilt)
        terms.append({name: float(value) for name, value in objective(synthetic, digits, Streams(0)).items()})
    assert terms[0] == pytest.approx(terms[1], rel=1e-5)


def pixel_set_of(real, drawn, monkeypatch):
    monkeypatch.setattr(RealData, "draw_of", drawn)
    return pixel_set(real)


def method(batches, steps=4):
    objective = GradientMatching(pool=fresh(MLP(width=4)), real_batch=8)
    return OptimizedDistillation(
        synthetic=VectorSet(per_class=2), objective=objective, batches=batches, steps=steps, checkpoint_every=2, lr=0.1
    )


def test_losses_are_looked_at_and_rows_drawn_by_them(real):
    batches, synthetic = LossProportional(network=MLP(width=4), every=2, steps=3), VectorSet(per_class=2)
    batch = real.sample([0, 1], 2, torch.Generator().manual_seed(0))
    synthetic.initialize(batch.x, batch.y, real.spec)
    batches.refresh(real, synthetic, Streams(0, step=0))
    first = real.shares
    assert float(first.sum()) == pytest.approx(1) and float(first.min()) >= 0.2 / 60 - 1e-9
    losses = batches.scores(real, synthetic, Streams(0, step=0))
    assert torch.allclose(first.double(), (0.8 * losses / losses.sum() + 0.2 / 60).double(), atol=1e-6)
    batches.refresh(real, synthetic, Streams(0, step=1))
    assert real.shares is first
    batches.refresh(real, synthetic, Streams(0, step=2))
    assert not torch.equal(real.shares, first)


def test_a_run_that_was_stopped_goes_on_with_the_same_shares(real, tmp_path, monkeypatch):
    batches = LossProportional(network=MLP(width=4), every=3, steps=2)
    whole = method(batches).distill(real, Run(progress=False))
    assert real.shares is None  # draws uniformly again
    plain = method(None).distill(real, Run(progress=False))
    assert not torch.equal(whole.x, plain.x)
    stopped = GradientMatching.on_step_end
    calls = []

    def stop(self, synthetic):
        calls.append(None)
        if len(calls) == 3:
            raise Interrupted("stopped")
        return stopped(self, synthetic)

    monkeypatch.setattr(GradientMatching, "on_step_end", stop)
    with pytest.raises(Interrupted):
        method(batches).distill(real, Run(folder=tmp_path, progress=False))
    monkeypatch.undo()
    again = method(batches).distill(real, Run(folder=tmp_path, resume=True, progress=False))
    assert torch.equal(again.x, whole.x)


def test_sensitive_rows_are_drawn_more_often(real):
    SensitivityProportional(selector=LeverageSelector()).refresh(real, None, Streams(0))
    assert set(real.shares.topk(2).indices.tolist()) == {5, 40}


def test_streams_have_no_importance(tmp_path):
    Dataset.from_dict({"v": [[0.0], [1.0]], "label": [0, 1]}).to_parquet(tmp_path / "a.parquet")
    streamed = RealData(path=str(tmp_path / "a.parquet"), streaming=True, test_split=None).setup()
    with pytest.raises(UserError, match=r"^LossProportional draws rows by their number, a stream has none"):
        LossProportional().refresh(streamed, None, Streams(0))


def windows_of(real):
    """All windows of a series as one batch."""
    return task_of(real).at(torch.arange(len(real.train)))


def test_windows_of_a_series_are_drawn_by_their_loss():
    real = small_series()
    every, synthetic = windows_of(real), harmonic_set(real, cls=SeriesSet)
    batches = LossProportional(network=LINEAR, every=2, steps=3)
    batches.refresh(real, synthetic, Streams(0))
    losses = batches.scores(real, synthetic, Streams(0))
    assert len(losses) == len(real.train) and real.shares.tolist() == pytest.approx(
        (0.8 * losses / losses.sum() + 0.2 / len(losses)).tolist(), abs=1e-6
    )
    # The weighted mean of a batch is that of all windows, on average.
    generator, means = torch.Generator().manual_seed(0), []
    for _ in range(400):
        batch = task_of(real).draw(20, generator)
        means.append((batch.w[:, None] * batch.x.flatten(1)).mean(0))
    found, error = torch.stack(means).mean(0), torch.stack(means).std(0) / math.sqrt(400)
    assert ((found - every.x.flatten(1).mean(0)).abs() < 4 * error).all()
    state = real.state_dict()
    real.shares = None
    real.load_state_dict(state)
    assert real.shares is not None


def test_pieces_and_sensitivities_are_not_of_windows():
    real = small_series()
    synthetic = harmonic_set(real, cls=SeriesSet)
    with pytest.raises(UserError, match=r"^SensitivityProportional does not know windows of a series: leave method"):
        SensitivityProportional().refresh(real, synthetic, Streams(0))
    LossProportional(network=LINEAR, steps=1).refresh(real, synthetic, Streams(0))
    for objective in (HarmonicMatching(k=3, trajectory=None), TrajectoryMatching(pool=bank())):
        with pytest.raises(UserError, match=r"^method.batches draws windows of a series, and this objective looks at"):
            objective(synthetic, real, Streams(0))


@pytest.mark.parametrize("make", [
    lambda: GradientMatching(pool=fresh(), real_batch=8), lambda: UnrolledMatching(pool=trained(LINEAR), real_batch=8),
    lambda: TrajectoryMatching(pool=bank(), real_batch=8, pieces=False),
])  # fmt: skip
def test_no_objective_ignores_the_weights_of_windows(make, monkeypatch):
    real, draw, terms = small_series(), Forecasting.draw, []
    for garbage in (0.0, 7.0):

        def spoilt(self, count, generator, channels=None, garbage=garbage):
            batch = draw(self, count, generator, channels)
            batch.x[::2], batch.y[::2], batch.w[::2], batch.w[1::2] = garbage, garbage, 0.0, 2.0
            return batch

        monkeypatch.setattr(Forecasting, "draw", spoilt)
        objective, synthetic = make(), harmonic_set(real, cls=SeriesSet)
        objective.prepare(synthetic, real, 3)
        terms.append({name: float(value) for name, value in objective(synthetic, real, Streams(0)).items()})
    assert terms[0] == pytest.approx(terms[1], rel=1e-5)
