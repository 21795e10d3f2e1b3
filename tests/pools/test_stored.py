"""A pool of stored experts: what it draws, and what it refuses before any work."""

import pytest
import torch

from hf_distill.augment import SiameseAugment
from hf_distill.data import RealData
from hf_distill.errors import UserError
from hf_distill.experts import ExpertStore, ExpertTraining
from hf_distill.learners.task import task_of
from hf_distill.methods import OptimizedDistillation, Run
from hf_distill.networks import ConvNet
from hf_distill.objectives import TrajectoryMatching
from hf_distill.pools import StoredExperts
from hf_distill.seeding import Streams
from hf_distill.synthetic import PixelSet
from hf_distill.training import Constant, Recipe
from tests.contract.test_configs import pictures
from tests.objectives.sets import TINY, pixel_set

EXPERTS = ExpertTraining(network=TINY, count=2, recipe=Recipe(epochs=4, batch_size=30, schedule=Constant()))


def pool_of(folder, **options):
    options = {"experts": EXPERTS, "epochs": 2, "max_start_epoch": 3} | options
    return StoredExperts(folder=str(folder), **options)


@pytest.fixture(scope="module")
def real():
    return RealData.from_dataset(pictures((8, 8), "0123456789", 6)["train"]).setup()


@pytest.fixture
def folder(real, tmp_path):
    store = ExpertStore.begin(tmp_path / "experts", EXPERTS.describe(real), resume=False, overwrite=False)
    EXPERTS.train(real, store, progress=False)
    return store.folder


def test_a_goal_is_the_same_expert_some_epochs_later(real, folder):
    pool, synthetic, task = pool_of(folder, min_start_epoch=1), pixel_set(real), task_of(real)
    store, seen = ExpertStore.open(folder), set()
    for step in range(40):
        streams = Streams(0, step=step)
        start = dict(pool.draw(task, synthetic, streams).named_parameters())
        goal = pool.goal(task, synthetic, streams)
        places = [
            (number, epoch)
            for number in range(2)
            for epoch in range(3)
            if all(start[name].equal(value) for name, value in store.read(number, epoch).items())
        ]
        ((number, epoch),) = places
        assert all(goal[name].equal(value) for name, value in store.read(number, epoch + 2).items())
        seen.add((number, epoch))
    assert seen == {(0, 1), (0, 2), (1, 1), (1, 2)}
    last = dict(pool.trained(task, synthetic, Streams(0)).named_parameters())
    assert any(all(last[n].equal(v) for n, v in store.read(number, 4).items()) for number in range(2))


def test_the_window_widens():
    pool = pool_of("none", max_start_epoch=20, first_max_start_epoch=10, widening_steps=100)
    assert [pool._end(step) for step in (0, 5, 9, 10, 99, 100, 1000)] == [10, 10, 10, 11, 19, 20, 20]
    assert pool_of("none", max_start_epoch=4)._end(0) == 4


def test_the_distance_is_one_where_nothing_is_learned(real, folder):
    objective = TrajectoryMatching(pool=pool_of(folder), lr=1e-9, synthetic_steps=2)
    assert objective(pixel_set(real), real, Streams(0))["trajectory"].item() == pytest.approx(1, rel=1e-4)


@pytest.mark.parametrize("memory", ["graph", "constant"])
@pytest.mark.parametrize("batch", [0, 4])
def test_each_image_has_an_augmentation_of_its_own(real, folder, memory, batch):
    """As the experts' training has it: nothing on a real side is to be like it."""
    seen = []

    class Seen(SiameseAugment):
        def apply(self, x, params):
            seen.append((len(x), params.draws))
            return super().apply(x, params)

    pool, augment = pool_of(folder), Seen(strategy="rotate")
    objective = TrajectoryMatching(pool=pool, synthetic_steps=2, batch=batch, augment=augment, memory=memory)
    objective(pixel_set(real), real, Streams(0))["trajectory"].backward()
    assert len(seen) == (2 if memory == "graph" else 4) and all(
        count == (batch or 10) == len(values.unique(dim=0)) for count, ((_, values),) in seen
    )
    if memory == "constant":  # the same again, backwards
        assert all(torch.equal(seen[a][1][0][1], seen[b][1][0][1]) for a, b in ((0, 3), (1, 2)))


def test_ends_of_the_window_are_checked(real, folder):
    with pytest.raises(
        UserError, match=r"^pool.max_start_epoch 4 and pool.epochs 2 ask for epoch 5, and the .* have 4"
    ):
        pool_of(folder, max_start_epoch=4).check(real)
    with pytest.raises(UserError, match=r"^pool.first_max_start_epoch 4 and pool.epochs 2 ask for epoch 5"):
        pool_of(folder, first_max_start_epoch=4, widening_steps=10).check(real)
    with pytest.raises(UserError, match=r"^pool.min_start_epoch is 3; it must be less than the .*, 3$"):
        pool_of(folder, min_start_epoch=3).check(real)
    pool_of(folder).check(real)


def refused(pool, data):
    """Return why a distillation is refused; nothing of it may be begun."""
    method = OptimizedDistillation(
        synthetic=PixelSet(per_class=1), objective=TrajectoryMatching(pool=pool), initial=None, steps=1
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(OptimizedDistillation, "start", None)
        with pytest.raises(UserError) as caught:
            method.fit(data, Run(progress=False))
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_what_is_wrong_with_experts_is_said_before_any_work(real, folder):
    assert "none holds no experts: train them with hf-distill experts" in refused(pool_of("none"), real)
    other = ExpertTraining(network=ConvNet(width=5, depth=1), count=2, recipe=EXPERTS.recipe)
    assert "experts of another network.init_args.width" in refused(pool_of(folder, experts=other), real)
    larger = RealData.from_dataset(pictures((12, 12), "0123456789", 6)["train"]).setup()
    assert "experts of another data.fingerprint, data.mean, data.shape" in refused(pool_of(folder), larger)
    more = ExpertTraining(network=TINY, count=3, recipe=EXPERTS.recipe)
    assert "expert-00002.safetensors is missing: hf-distill experts" in refused(pool_of(folder, experts=more), real)
    path = ExpertStore.open(folder).path(1)
    whole = path.read_bytes()
    for data, said in (
        (whole[:-5], "cannot read the expert"),
        (whole[:-5] + bytes(5), "is damaged, other numbers"),
        (ExpertStore.open(folder).path(0).read_bytes(), "belongs to another run"),
    ):
        path.write_bytes(data)
        assert said in refused(pool_of(folder), real) and "delete it, and hf-distill experts" in refused(
            pool_of(folder), real
        )
    (folder / "experts.json").write_text("{}")
    assert "is no record of experts" in refused(pool_of(folder), real)


def test_a_set_learns_from_experts(real, folder):
    """With the rate of the experts and as many steps, each on a class's share, a set can follow them."""
    objective = TrajectoryMatching(pool=pool_of(folder), synthetic_steps=4, lr=0.02, lr_lr=0.05, memory="constant")
    method = OptimizedDistillation(
        synthetic=PixelSet(per_class=1), objective=objective, steps=20, optimizer="adam", lr=0.1, log_every=1
    )
    run = Run(progress=False)
    method.fit(real, run)
    losses = torch.tensor([entry["loss"] for entry in run.notes.history])
    assert losses[-5:].mean() < losses[:5].mean() and run.notes.recipe["lr"] != 0.02
