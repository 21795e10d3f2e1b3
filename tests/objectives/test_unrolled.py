import pytest
import torch
from torch import nn

from hf_distill.data import RealData
from hf_distill.errors import Interrupted
from hf_distill.initialization import SubSeries
from hf_distill.learners.learner import InnerOptimizer, Learner
from hf_distill.methods import OptimizedDistillation, Run
from hf_distill.networks.forecasters import ITransformer, RevMix, RevMLP
from hf_distill.objectives import TrajectoryMatching, UnrolledMatching, WeightedSum
from hf_distill.objectives.scaling import unit_gradient
from hf_distill.seeding import Streams, seeded
from hf_distill.synthetic import HarmonicSet
from tests.objectives.sets import LINEAR, TINY, bank, harmonic_set, pixel_set, small_series, trained


def unrolled(*networks, cls=UnrolledMatching, optimizer="adam", **options):
    pool = trained(*(networks or (LINEAR, RevMLP(width=4), RevMix(width=4))), optimizer=optimizer)
    return cls(pool=pool, real_batch=8, **options)


@pytest.mark.parametrize("kind", ["adam", "sgd"])
@pytest.mark.parametrize("total", [0, 4])
def test_differentiable_steps_equal_torchs(kind, total):
    with seeded(0):  # Adam's first steps of a gradient near zero are a matter of rounding
        network = nn.Linear(3, 2)
        x, y = torch.randn(5, 3), torch.randn(5, 2)
    learner = Learner.of(network)

    def loss(weights):
        return (torch.func.functional_call(network, weights, (x,)) - y).square().mean()

    for graph in (True, False):
        learner.advance(loss, 2, InnerOptimizer(kind, 0.1, total), graph=graph)
    optimizer = (
        torch.optim.Adam(network.parameters(), 0.1) if kind == "adam" else torch.optim.SGD(network.parameters(), 0.1)
    )
    for step in range(4):
        optimizer.param_groups[0]["lr"] = InnerOptimizer(kind, 0.1, total).rate(step + 1)
        optimizer.zero_grad()
        (network(x) - y).square().mean().backward()
        optimizer.step()
    for name, value in network.named_parameters():
        assert torch.allclose(learner.weights[name], value, atol=1e-5)


def test_the_gradient_is_that_of_one_step_of_descent():
    """One weight, loss (w - s)^2, one step of 0.1 from w = 0: w = 0.2 s, and (w - 1)^2 falls with 2 (w - 1) 0.2."""
    s = torch.tensor(2.0, requires_grad=True)
    learner = Learner({"w": torch.zeros(())})
    weights = learner.advance(lambda w: (w["w"] - s).square(), 1, InnerOptimizer("sgd", 0.1))
    (weights["w"] - 1).square().backward()
    assert weights["w"].item() == pytest.approx(0.4) and s.grad.item() == pytest.approx(2 * (0.4 - 1) * 0.2)
    assert not learner.weights["w"].requires_grad


def test_unit_gradients_keep_the_value():
    a, b = torch.tensor([3.0, 0.0], requires_grad=True), torch.tensor(4.0, requires_grad=True)
    value = (a.square().sum() + b.square()) * 10
    scaled = unit_gradient(value, [a, b])
    scaled.backward()
    assert (
        scaled.item() == 250
        and torch.allclose(a.grad, torch.tensor([0.6, 0.0]))
        and b.grad.item() == pytest.approx(0.8)
    )
    c = torch.zeros((), requires_grad=True)
    unit_gradient(c.sqrt(), [c]).backward()  # an infinite derivative
    assert c.grad == 0


def test_every_network_pulls_equally():
    real = small_series()
    synthetic = harmonic_set(real)
    terms = unrolled()(synthetic, real, Streams(0))
    assert list(terms) == ["0_DLinear", "1_RevMLP", "2_RevMix"]
    for term in terms.values():
        gradients = torch.autograd.grad(term, list(synthetic.parameters()), retain_graph=True)
        assert sum(g.square().sum() for g in gradients).item() == pytest.approx(1, rel=1e-4)
        assert 0 < term.item() < 100


def test_learners_take_turns_and_are_replaced():
    real = small_series()
    synthetic = harmonic_set(real)
    objective = unrolled(LINEAR)
    seen = []
    for step in range(6):
        objective(synthetic, real, Streams(0, step=step))
        seen.append([learner.step for learner in objective.pool._learners[0]])
    # Two of a pool, spread over 6 steps (0 and 3, rounded to whole turns of 2), then a new one.
    assert seen == [[2, 2], [2, 4], [4, 4], [4, 6], [6, 6], [6, 2]]


def test_images_and_a_network_with_dropout():
    images = RealData().setup()
    pixels = pixel_set(images)
    terms = unrolled(TINY, optimizer="sgd", normalize_gradients=False)(pixels, images, Streams(0))
    terms["ConvNet"].backward()
    assert pixels.pixels.grad.abs().sum() > 0
    real = small_series()
    losses = []
    for _ in range(2):
        torch.rand(1)  # the global generator's state does not count
        objective = unrolled(ITransformer(width=8, hidden=8, heads=2))
        losses.append(objective(harmonic_set(real), real, Streams(0))["iTransformer"].item())
    assert losses[0] == losses[1]


def test_wide_series_are_looked_at_in_parts():
    real = small_series(channels=5)
    synthetic = harmonic_set(real)
    unrolled(max_channels=2)(synthetic, real, Streams(0))["0_DLinear"].backward()
    assert (synthetic.real.grad.abs().sum(0) > 0).sum() == 2


class Stops(UnrolledMatching):
    """Asks to stop once."""

    at = None

    def on_step_end(self, synthetic):
        if Stops.at is not None:
            Stops.at -= 1
            if Stops.at == 0:
                import os
                import signal

                os.kill(os.getpid(), signal.SIGINT)


def test_a_resumed_run_ends_with_the_same_bytes(tmp_path):
    real = small_series()

    def method():
        parts = [
            unrolled(LINEAR, RevMLP(width=4), cls=Stops),
            TrajectoryMatching(pool=bank(count=1)),
        ]
        return OptimizedDistillation(
            synthetic=HarmonicSet(length=20),
            objective=WeightedSum(objectives=parts, weights=[1.0, 0.1], normalize_gradients=True),
            initial=SubSeries(),
            steps=8,
            optimizer="adam",
            lr=0.05,
            schedule="cosine",
            preview_every=0,
        )

    Stops.at = None
    whole = method().fit(real, Run(progress=False, folder=tmp_path / "a"))
    Stops.at = 5
    with pytest.raises(Interrupted, match=r"after step [56] of 8"):
        method().fit(real, Run(progress=False, folder=tmp_path / "b"))
    Stops.at = None
    resumed = method().fit(real, Run(progress=False, folder=tmp_path / "b", resume=True))
    assert torch.equal(whole.real, resumed.real) and torch.equal(whole.imag, resumed.imag)


def test_the_same_method_object_starts_anew():
    real = small_series()
    method = OptimizedDistillation(
        synthetic=HarmonicSet(length=20),
        objective=unrolled(),
        initial=SubSeries(),
        steps=2,
        optimizer="adam",
        lr=0.05,
        preview_every=0,
    )
    first, second = (method.fit(real, Run(progress=False)) for _ in range(2))
    assert torch.equal(first.real, second.real)
