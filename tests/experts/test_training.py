"""Expert trajectories: what they are, and that nothing but data, seed and number decides their bytes."""

import pytest
import torch

from hf_distill.data import RealData
from hf_distill.errors import UserError
from hf_distill.experts import ExpertStore, ExpertTraining
from hf_distill.networks import MLP, CustomNetwork, TransformersClassifier
from hf_distill.seeding import Streams
from hf_distill.training import SGD, Constant, Recipe
from tests.contract.test_configs import pictures
from tests.objectives.sets import LINEAR, TINY, small_series


def training(network=TINY, count=2, **options):
    options = {"epochs": 2, "batch_size": 20, "optimizer": SGD(lr=0.1, momentum=0, weight_decay=0)} | options
    return ExpertTraining(network=network, count=count, recipe=Recipe(schedule=Constant(), **options))


def made(experts, real, folder, **options):
    store = ExpertStore.begin(folder, experts.describe(real), resume=False, overwrite=False)
    experts.train(real, store, progress=False, **options)
    return store


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def digits_of():
    """Sixty pictures: three steps an epoch."""
    return RealData.from_dataset(pictures((8, 8), "0123456789", 6)["train"]).setup()


@pytest.fixture(scope="module")
def digits():
    return digits_of()


def test_a_trajectory_is_a_training_on_all_rows(digits, tmp_path):
    store = made(training(count=1), digits, tmp_path)
    network = TINY.build_for(digits.spec, Streams(0).seed_for("expert"))
    generator = Streams(0).generator("expert order")
    optimizer = torch.optim.SGD(network.parameters(), 0.1)
    assert store.epochs == 2
    for epoch in range(3):
        found = store.read(0, epoch)
        assert all(torch.allclose(value, found[name], atol=1e-6) for name, value in network.named_parameters())
        for rows in torch.randperm(len(digits.train), generator=generator).tensor_split(3):
            batch = digits.train.batch(rows)
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(network(batch.x), batch.y).backward()
            optimizer.step()


@pytest.mark.parametrize("together", [True, False])
def test_stopped_or_shared_they_have_the_same_bytes(digits, tmp_path, monkeypatch, together):
    """Networks that train together are one group: what is missing of it is made with all of it."""
    if not together:
        monkeypatch.setattr("hf_distill.training.plan.TOGETHER_CPU", 0)
    experts = training(count=3)
    whole = contents(made(experts, digits, tmp_path / "whole").folder)
    assert len(whole) == 4
    for rank in (1, 0):
        store = ExpertStore.begin(tmp_path / "shared", experts.describe(digits), resume=rank == 0, overwrite=False)
        experts.train(digits, store, rank=rank, ranks=2, progress=False)
    assert contents(store.folder) == whole

    class Stopped(ExpertStore):
        def write(self, number, trajectory):
            if number == 1:
                raise KeyboardInterrupt
            super().write(number, trajectory)

    store = ExpertStore.begin(tmp_path / "stopped", experts.describe(digits), resume=False, overwrite=False)
    with pytest.raises(KeyboardInterrupt):
        experts.train(digits, Stopped(store.folder, store.record), progress=False)
    assert store.finished() == [0]
    store = ExpertStore.begin(store.folder, experts.describe(digits), resume=True, overwrite=False)
    assert experts.train(digits, store, progress=False) == [1, 2] and contents(store.folder) == whole


def build(shape, classes):
    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(shape[0] * shape[1] * shape[2], classes))


@pytest.mark.parametrize(
    "data, network",
    [
        (lambda: RealData(path="diabetes", target="values").setup(), MLP(width=4)),
        (small_series, LINEAR),
        (digits_of, CustomNetwork(function="tests.experts.test_training:build")),
        (
            digits_of,
            TransformersClassifier(
                model={"model_type": "resnet", "depths": [1], "hidden_sizes": [4], "embedding_size": 4}
            ),
        ),
    ],
    ids=["numbers", "series", "a custom network", "transformers"],
)
def test_any_data_and_network(data, network, tmp_path):
    experts = training(network, count=1, epochs=1, optimizer=SGD(lr=1e-3))
    store = made(experts, data(), tmp_path)
    store.verify(0)
    first, last = store.read(0, 0), store.read(0, 1)
    assert first.keys() == store.record["weights"].keys() and any(not first[name].equal(last[name]) for name in last)


def test_only_whole_epochs(digits):
    class Odd(Recipe):
        def total_steps(self, samples, width=1):
            return 7

    experts = training()
    experts.recipe = Odd(batch_size=20)
    with pytest.raises(UserError, match=r"has 7 steps and an epoch 3: only whole epochs are stored, 6 steps for"):
        experts.describe(digits)


def test_a_folder_is_begun_once(digits, tmp_path):
    store = made(training(count=1), digits, tmp_path)
    for record, options, said in (
        (training().describe(digits), {}, "holds 1 experts: add --resume=true to keep them"),
        (training(MLP(width=4)).describe(digits), {"resume": True}, "experts of another network"),
        (training(epochs=3).describe(digits), {"resume": True}, "experts of another recipe.init_args.epochs"),
        (training().describe(digits, seed=1), {"resume": True}, "experts of another seed"),
    ):
        with pytest.raises(UserError, match=said):
            ExpertStore.begin(tmp_path, record, **{"resume": False, "overwrite": False} | options)
    store.path(0).write_bytes(b"no expert")
    with pytest.raises(UserError, match=r"^cannot read the expert .*00000.safetensors .*: delete it, and"):
        ExpertStore.begin(tmp_path, training().describe(digits), resume=True, overwrite=False)
    assert ExpertStore.begin(tmp_path, store.record, resume=False, overwrite=True).finished() == []
