import copy
import shutil
import tempfile
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from hf_distill.data import RealData
from hf_distill.errors import UserError
from hf_distill.experts import ExpertStore, ExpertTraining
from hf_distill.lazy import homes
from hf_distill.learners.task import task_of
from hf_distill.methods import OptimizedDistillation, Run
from hf_distill.networks import ConvNet, TransformersClassifier
from hf_distill.networks.forecasters import ITransformer, RevMLP
from hf_distill.objectives import DistributionMatching, GradientMatching, KernelRegression, TrajectoryMatching
from hf_distill.pools import InterpolatedNetworks, PretrainedNetworks, StoredExperts, TrainedOnSet
from hf_distill.seeding import Streams
from hf_distill.training import Recipe
from tests.objectives.sets import LINEAR, TINY, bank, fresh, harmonic_set, pixel_set, small_series, trained

# The fixture of the digits trains them.
STORED = StoredExperts(
    folder=str(Path(tempfile.mkdtemp()) / "experts"),
    experts=ExpertTraining(network=TINY, count=1, recipe=Recipe(epochs=1, batch_size=1500)),
    epochs=1,
    max_start_epoch=1,
)


def weights(network):
    return torch.cat([p.detach().flatten() for p in network.parameters()])


@pytest.fixture(scope="module")
def series():
    return small_series()


def draws(pool, real, steps, seed=0):
    synthetic = harmonic_set(real)
    return [weights(pool.draw(task_of(real), synthetic, Streams(seed, step=step))) for step in range(steps)]


@pytest.fixture(scope="module")
def digits():
    real = RealData().setup()
    record = STORED.experts.describe(real)
    store = ExpertStore.begin(Path(STORED.folder), record, resume=False, overwrite=True)
    STORED.experts.train(real, store, progress=False)
    yield real
    shutil.rmtree(store.folder.parent)


def test_fresh_networks_are_the_networks_own_initialisation(series):
    found = draws(fresh(RevMLP(width=4)), series, 2)
    expected = RevMLP(width=4).build(6, 3, 2, Streams(0, step=1).seed_for("network"))
    assert torch.equal(found[1], weights(expected)) and not torch.equal(found[0], found[1])


def test_snapshots_lie_along_a_training_on_real_data(series):
    pool = bank(count=1, steps=9, every=3, lr=0.01, batch=5)
    draws(pool, series, 1)
    network, task = LINEAR.build(6, 3, 2, Streams(0).seed_for("bank", 0)), task_of(series)
    optimizer, generator = torch.optim.Adam(network.parameters(), 0.01), Streams(0).generator("bank", 0)
    for snapshot in pool._bank:
        assert all(torch.allclose(value, snapshot[name], atol=1e-6) for name, value in network.named_parameters())
        for _ in range(3):
            batch = task.draw(5, generator)
            optimizer.zero_grad()
            task.loss(network(batch.x), batch).backward()
            optimizer.step()
    assert len(pool._bank) == 3


def test_interpolated_networks_lie_between_the_two_ends_of_a_training(series):
    pool, bank_of_one = InterpolatedNetworks(network=LINEAR, count=1, steps=6, lr=0.1), bank(count=1, steps=6, lr=0.1)
    drawn = torch.stack(draws(pool, series, 200))
    draws(bank_of_one, series, 1)  # the same training
    first, last = (
        torch.cat([value.flatten() for value in weights.values()])
        for weights in (bank_of_one._bank[0], bank_of_one._ends[0])
    )
    shares = (drawn - last) @ (first - last) / (first - last).square().sum()
    assert torch.allclose(drawn, last + shares[:, None] * (first - last), atol=1e-6)
    # Uniform: the moments of 200 draws, within four standard errors.
    assert 0 <= shares.min() < 0.05 and 0.95 < shares.max() <= 1
    assert shares.mean().item() == pytest.approx(1 / 2, abs=4 * (1 / 12 / 200) ** 0.5)
    assert shares.square().mean().item() == pytest.approx(1 / 3, abs=4 * (4 / 45 / 200) ** 0.5)


def test_a_trained_network_is_the_end_of_a_training(series):
    synthetic, task = harmonic_set(series), task_of(series)
    for pool in (bank(count=2), InterpolatedNetworks(network=LINEAR, count=2, steps=4)):
        found = {tuple(weights(pool.trained(task, synthetic, Streams(0, step=step))).tolist()) for step in range(12)}
        ends = {tuple(torch.cat([v.flatten() for v in end.values()]).tolist()) for end in pool._ends}
        assert found == ends and len(ends) == 2
    pretrained = PretrainedNetworks(network=LINEAR, steps=2)
    assert pretrained.trained(task, synthetic, Streams(0)) is pretrained.draw(task, synthetic, Streams(0))
    assert pretrained.knows_real and pool.knows_real and not (fresh().knows_real or trained(LINEAR).knows_real)


def test_what_a_snapshot_is_used_for_does_not_change_it(series):
    pool, synthetic = bank(), harmonic_set(series)
    before = draws(pool, series, 4)
    network = pool.draw(task_of(series), synthetic, Streams(0))
    with torch.no_grad():
        for parameter in network.parameters():
            parameter += 1
    assert all(torch.equal(one, other) for one, other in zip(before[1:], draws(pool, series, 4)[1:], strict=True))


def test_a_pool_in_training_takes_turns_and_replaces_its_networks(series):
    pool = trained(LINEAR)
    synthetic, seen = harmonic_set(series), []
    for step in range(8):
        pool.draw(task_of(series), synthetic, Streams(0, step=step))
        seen.append([learner.step for learner in pool._learners[0]])
    # Two of a pool, spread over 6 steps (0 and 3, rounded to whole turns of 2). The first time each is looked at as it
    # is, later after 2 steps more; the one that has done all 6 gives way to a fresh one.
    assert seen == [[0, 2], [0, 2], [2, 2], [2, 4], [4, 4], [4, 6], [6, 6], [6, 0]]


def test_a_pool_in_training_learns_from_the_set_as_it_is(series):
    """One network of one step a turn: plain descent on all windows of the set."""
    pool = TrainedOnSet(networks=[LINEAR], size=1, lifetime=100, steps=1, optimizer="sgd", lr=0.1, batch=0)
    synthetic, task = harmonic_set(series), task_of(series)
    pool.draw(task, synthetic, Streams(0))
    with torch.no_grad():
        synthetic.real.mul_(2.0)
    before = LINEAR.build(6, 3, 2, Streams(0).seed_for("pool", 0, 0))
    decoded = synthetic()
    windows = synthetic.view(decoded, torch.arange(synthetic.examples(decoded)))
    task.loss(before(windows.x), windows).backward()
    rate = 0.1 * 0.5 * (1 + torch.cos(torch.tensor(torch.pi / 100)))
    expected = torch.cat([(p - rate * p.grad).detach().flatten() for p in before.parameters()])
    assert torch.allclose(weights(pool.draw(task, synthetic, Streams(0, step=1))), expected, atol=1e-6)


def test_a_window_at_random_is_somewhere_in_the_training_of_a_fresh_network(series):
    pool = trained(LINEAR, window="random", schedule="constant", optimizer="sgd", lr=0.1, batch=0)
    synthetic, task, steps = harmonic_set(series), task_of(series), []
    for step in range(60):
        ((_, learner),) = pool.turn(task, synthetic, Streams(0, step=step))
        steps.append(learner.step)
    assert set(steps) == {0, 1, 2, 3, 4}  # of 6, so that the 2 of a turn are left
    network = LINEAR.build(6, 3, 2, Streams(0, step=59).seed_for("network", 0))
    optimizer, windows = torch.optim.SGD(network.parameters(), 0.1), synthetic()
    windows = synthetic.view(windows, torch.arange(synthetic.examples(windows)))
    for _ in range(steps[-1]):
        optimizer.zero_grad()
        task.loss(network(windows.x), windows).backward(inputs=list(network.parameters()))
        optimizer.step()
    assert all(torch.allclose(v, learner.weights[name], atol=1e-6) for name, v in network.named_parameters())
    drawn = pool.draw(task, synthetic, Streams(0, step=59))
    assert torch.allclose(weights(drawn), weights(network), atol=1e-6)


def test_several_kinds_are_drawn(series):
    pool, synthetic = trained(LINEAR, RevMLP(width=4)), harmonic_set(series)
    kinds = {len(weights(pool.draw(task_of(series), synthetic, Streams(0, step=step)))) for step in range(8)}
    assert kinds == {len(weights(kind.build(6, 3, 2, 0))) for kind in pool.kinds}


@pytest.mark.parametrize(
    "make",
    [
        fresh,
        bank,
        lambda: InterpolatedNetworks(network=LINEAR, steps=4),
        lambda: trained(LINEAR),
        lambda: trained(LINEAR, window="random"),
        lambda: trained(ITransformer(width=8, hidden=8, heads=2)),
    ],
)
def test_a_resumed_pool_goes_on(series, make):
    whole, late, synthetic = make(), make(), harmonic_set(series)
    task = task_of(series)
    through = []
    for step in range(8):
        through.append(weights(whole.draw(task, synthetic, Streams(0, step=step))))
        if step == 3:
            state = copy.deepcopy(whole.state_dict())
    late.load_state_dict(state)
    rest = [weights(late.draw(task, synthetic, Streams(0, step=step))) for step in range(4, 8)]
    assert all(torch.equal(one, other) for one, other in zip(through[4:], rest, strict=True))


def test_snapshots_of_a_stream_are_kept(digits):
    """What a stream has given does not come again."""
    stream, synthetic = RealData(streaming=True).setup(), pixel_set(digits)
    pool, late = bank(TINY), bank(TINY)
    first = [weights(make(task_of(stream), synthetic, Streams(0))) for make in (pool.draw, pool.trained)]
    late.load_state_dict(pool.state_dict())
    again = [weights(make(task_of(stream), synthetic, Streams(0))) for make in (late.draw, late.trained)]
    assert all(torch.equal(one, other) for one, other in zip(first, again, strict=True))
    assert bank(TINY).state_dict()["_extra_state"] == {}


def test_a_pretrained_network_forecasts_and_is_everybodys(series):
    pool, synthetic, task = PretrainedNetworks(network=LINEAR, steps=60, lr=0.01), harmonic_set(series), task_of(series)
    network = pool.draw(task, synthetic, Streams(0, rank=1, step=5))
    assert not network.training
    again = PretrainedNetworks(network=LINEAR, steps=60, lr=0.01).draw(task, synthetic, Streams(0))
    assert torch.equal(weights(network), weights(again))
    batch = task.draw(64, torch.Generator().manual_seed(0))
    fresh_one = LINEAR.build(6, 3, 2, Streams(0).seed_for("expert"))
    assert task.loss(network(batch.x), batch).item() < 0.9 * task.loss(fresh_one(batch.x), batch).item()


def test_weights_from_a_file(digits, tmp_path):
    network = ConvNet(width=4, depth=1, norm="batch").build((1, 8, 8), 10, 7)
    network(torch.randn(20, 1, 8, 8)).sum()  # running statistics
    save_file(network.state_dict(), tmp_path / "mine.safetensors")
    description = ConvNet(width=4, depth=1, norm="batch")
    pool = PretrainedNetworks(network=description, weights=str(tmp_path / "mine.safetensors"))
    drawn = pool.draw(task_of(digits), pixel_set(digits), Streams(0))
    assert all(torch.equal(value, network.state_dict()[name]) for name, value in drawn.state_dict().items())
    assert PretrainedNetworks.foreign({"weights": "x"}) == ["weights"] and not PretrainedNetworks.foreign({})
    for path, message in (("none", "no file"), ("mine.safetensors", "holds another network")):
        other = PretrainedNetworks(network=ConvNet(width=5, depth=1), weights=str(tmp_path / path))
        with pytest.raises(UserError, match=message):
            other.draw(task_of(digits), pixel_set(digits), Streams(0))
        method = OptimizedDistillation(objective=KernelRegression(pool=other))
        with pytest.MonkeyPatch.context() as patch, pytest.raises(UserError, match=message):
            patch.setattr(OptimizedDistillation, "start", None)  # before any work
            method.fit(digits, Run(progress=False))
    pool.check(digits)


def test_a_transformers_model_keeps_all_but_its_head(digits, tmp_path):
    transformers = pytest.importorskip("transformers")
    values = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 8}
    values |= {"patch_size": 4, "image_size": 8, "num_channels": 1}
    model = transformers.ViTForImageClassification(transformers.ViTConfig(**values, num_labels=3))
    model.save_pretrained(tmp_path)
    network = TransformersClassifier(model=str(tmp_path))
    drawn = PretrainedNetworks(network=network, weights=str(tmp_path)).draw(
        task_of(digits), pixel_set(digits), Streams(0)
    )
    x = torch.randn(3, 1, 8, 8)
    with torch.no_grad():
        expected = model.eval().vit(pixel_values=x).last_hidden_state[:, 0]
        assert torch.allclose(drawn.features(x), expected, atol=1e-5) and drawn(x).shape == (3, 10)


POOLS = [
    fresh(TINY),
    bank(TINY),
    InterpolatedNetworks(network=TINY, count=1, steps=2),
    trained(TINY),
    PretrainedNetworks(network=TINY, steps=3),
    STORED,
]


@pytest.mark.parametrize("pool", POOLS, ids=lambda pool: type(pool).__name__)
@pytest.mark.parametrize("objective", [DistributionMatching, GradientMatching, TrajectoryMatching])
def test_every_objective_takes_every_pool(digits, pool, objective):
    matching = objective(pool=copy.deepcopy(pool))
    for step in range(3):
        synthetic = pixel_set(digits)
        (term,) = matching(synthetic, digits, Streams(0, step=step)).values()
        term.backward()
        assert torch.isfinite(synthetic.pixels.grad).all() and synthetic.pixels.grad.abs().sum() > 0


def test_views_do_not_outlive_a_pool_that_follows_the_set(digits):
    with pytest.raises(UserError, match=r"TrainedOnSet goes on with the set.*views and objective\.reuse to 1"):
        DistributionMatching(pool=trained(TINY), reuse=2).prepare(pixel_set(digits), digits, 1)


def test_every_pool_is_among_them():
    table = {name for name, home in homes().items() if home.startswith("hf_distill.pools.")} - {"Pool"}
    assert {type(pool).__name__ for pool in POOLS} == table
