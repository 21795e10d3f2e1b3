import json
import math

import pytest
import torch
from torch import nn

from hf_distill.data import RealData
from hf_distill.errors import Interrupted
from hf_distill.initialization import SubSeries
from hf_distill.learners.rate import LearnedRate
from hf_distill.methods import OptimizedDistillation, Run
from hf_distill.networks.forecasters import RevMLP
from hf_distill.objectives import HarmonicMatching, TrajectoryMatching, UnrolledMatching, WeightedSum
from hf_distill.objectives.scaling import unit_gradient
from hf_distill.seeding import Streams
from hf_distill.synthetic import HarmonicSet, SeriesSet
from tests.objectives.sets import LINEAR, TINY, bank, fresh, harmonic_set, pixel_set, small_series, trained


def test_a_rate_is_positive_and_moves_by_its_own():
    rate = LearnedRate(0.1, 0.5)
    optimizer = torch.optim.Adam(rate.parameters(), rate.lr)
    values = []
    for _ in range(20):
        optimizer.zero_grad()
        (100 * rate()).backward()
        optimizer.step()
        values.append(rate().item())
    # Adam's first step is half a unit of the logarithm, whatever the gradient.
    assert values[0] == pytest.approx(0.1 * math.exp(-0.5)) and 0 < values[-1] < values[0]


def test_the_gradient_of_the_rate_is_that_of_its_difference():
    real = small_series()
    synthetic = harmonic_set(real, cls=SeriesSet)

    def distance(lr, **options):
        objective = TrajectoryMatching(pool=fresh(), lr=lr, synthetic_steps=3, real_batch=8, **options)
        return objective, objective(synthetic, real, Streams(0))["trajectory"]

    objective, loss = distance(0.05, lr_lr=1.0)
    (gradient,) = torch.autograd.grad(loss, list(objective.parameters()))
    # Only the synthetic side's rate is learned: the real side keeps the start.
    target = TrajectoryMatching(pool=fresh(), lr=0.05, lr_lr=1.0, synthetic_steps=3, real_batch=8)
    values = []
    for factor in (1.01, 1 / 1.01):
        with torch.no_grad():
            target._rate.log.fill_(math.log(0.05 * factor))
        values.append(target(synthetic, real, Streams(0))["trajectory"].item())
    assert gradient.item() == pytest.approx((values[0] - values[1]) / (2 * math.log(1.01)), rel=2e-2)
    assert distance(0.05)[1].item() == pytest.approx(loss.item())


def test_a_rate_that_is_too_small_grows():
    """A set that is the real piece, whose training is to reach as far as the real one's with a third of the steps."""
    real = small_series(rows=60)
    objective = TrajectoryMatching(pool=fresh(), lr=0.01, lr_lr=0.1, synthetic_steps=2, real_steps=6)
    method = OptimizedDistillation(
        synthetic=SeriesSet(length=20), objective=objective, initial=SubSeries(), steps=60, optimizer="adam", lr=1e-6
    )
    run = Run(progress=False)
    method.fit(real, run)
    # A third of the steps needs three times the rate.
    assert run.notes.recipe["lr"] == pytest.approx(0.03, rel=0.1)
    assert objective.learned_recipe()["lr"] == pytest.approx(0.01)  # the description's, which a run does not change


@pytest.mark.parametrize("normalize", [True, False])
def test_unrolled_matching_learns_the_rate_of_its_networks(normalize):
    real = small_series()
    synthetic = harmonic_set(real)
    objective = UnrolledMatching(
        pool=trained(LINEAR, RevMLP(width=4), lr=1e-4), real_batch=8, lr_lr=0.1, normalize_gradients=normalize
    )
    assert objective.learned_recipe() == pytest.approx({"adam_lr": 1e-4})
    terms = objective(synthetic, real, Streams(0))
    torch.stack(list(terms.values())).sum().backward()
    rate = objective._rate.log
    assert rate.grad.abs() > 0 and synthetic.real.grad.abs().sum() > 0
    plain = UnrolledMatching(
        pool=trained(LINEAR, RevMLP(width=4), lr=1e-4), real_batch=8, normalize_gradients=normalize
    )
    same = plain(harmonic_set(real), real, Streams(0))
    assert {name: term.item() for name, term in same.items()} == {name: term.item() for name, term in terms.items()}
    assert plain.learned_recipe() == {} and plain.param_groups(1.0) == []


def test_a_window_at_random_is_reached_by_the_learned_rate():
    """The whole training is by one rate: by the pool's up to the window it would be another one."""
    real = small_series()
    losses = []
    for start, now in ((0.1, 0.2), (0.2, 0.2)):
        pool = trained(LINEAR, window="random", lifetime=40, optimizer="sgd", schedule="constant", lr=start)
        objective = UnrolledMatching(pool=pool, real_batch=8, lr_lr=0.1)
        with torch.no_grad():
            objective._rate.log.fill_(math.log(now))
        losses.append(objective(harmonic_set(real), real, Streams(0))["DLinear"].item())
    assert losses[0] == losses[1]


def test_a_scaled_term_scales_what_is_beside_it_alike():
    a, b = torch.tensor([3.0, 4.0], requires_grad=True), torch.tensor(2.0, requires_grad=True)
    unit_gradient(a.square().sum() / 2 + 10 * b, [a], [b]).backward()
    assert torch.allclose(a.grad, torch.tensor([0.6, 0.8])) and b.grad.item() == pytest.approx(10 / 5)


def test_inner_objectives_bring_theirs():
    inner = TrajectoryMatching(lr=0.01, lr_lr=0.2)
    sum_of = WeightedSum(objectives=[HarmonicMatching(trajectory=inner), TrajectoryMatching(lr=0.04, lr_lr=0.3)])
    assert [group["lr"] for group in sum_of.param_groups(1.0)] == [0.2, 0.3]
    assert sum_of.learned_recipe()["lr"] == pytest.approx(0.02)  # the geometric mean
    # Of two optimizers nothing is the mean.
    both = WeightedSum(objectives=[inner, UnrolledMatching(pool=trained(LINEAR, lr=1e-3), lr_lr=0.1)])
    assert both.learned_recipe() == pytest.approx({"lr": 0.01, "adam_lr": 1e-3})
    plain = UnrolledMatching(pool=trained(LINEAR, lr=0.2, optimizer="sgd"), lr_lr=0.1)
    assert plain.learned_recipe() == pytest.approx({"lr": 0.2})
    assert sum(isinstance(p, nn.Parameter) for group in sum_of.param_groups(1.0) for p in group["params"]) == 2


class Stops(TrajectoryMatching):
    """Asks to stop once."""

    at = None

    def on_step_end(self, synthetic):
        if Stops.at is not None:
            Stops.at -= 1
            if Stops.at == 0:
                import os
                import signal

                os.kill(os.getpid(), signal.SIGINT)


def test_a_rate_is_logged_and_goes_through_checkpoints(tmp_path):
    real = small_series()

    def method():
        return OptimizedDistillation(
            synthetic=HarmonicSet(length=20),
            objective=Stops(pool=bank(), lr=0.02, lr_lr=0.1, real_batch=8),
            initial=SubSeries(),
            steps=6,
            optimizer="adam",
            lr=0.05,
            schedule="cosine",
            log_every=1,
            preview_every=0,
        )

    Stops.at = None
    whole = Run(progress=False, folder=tmp_path / "a")
    one = method().fit(real, whole)
    Stops.at = 3
    with pytest.raises(Interrupted):
        method().fit(real, Run(progress=False, folder=tmp_path / "b"))
    Stops.at = None
    resumed = Run(progress=False, folder=tmp_path / "b", resume=True)
    other = method().fit(real, resumed)
    assert torch.equal(one.real, other.real) and whole.notes.recipe == resumed.notes.recipe
    assert whole.notes.history == resumed.notes.history and resumed.notes.timing["resumed_after"] == 4
    logged = [json.loads(line)["lr"] for line in (tmp_path / "a" / "log.jsonl").read_text().splitlines()]
    # Adam's first step is one of the rate's own; the log has what each step has made of it.
    assert logged[0] == pytest.approx(0.02 * math.exp(0.1), rel=1e-4) or logged[0] == pytest.approx(
        0.02 * math.exp(-0.1), rel=1e-4
    )
    assert logged[-1] == whole.notes.recipe["lr"]


def test_images():
    real = RealData().setup()
    synthetic = pixel_set(real)
    objective = TrajectoryMatching(pool=fresh(TINY), real_batch=20, synthetic_steps=2, lr_lr=0.1)
    objective(synthetic, real, Streams(0))["trajectory"].backward()
    assert objective._rate.log.grad.abs() > 0
