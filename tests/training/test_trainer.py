from __future__ import annotations

import itertools

import pytest
import torch

from hf_distill.augment import SiameseAugment
from hf_distill.data.batch import Batch
from hf_distill.errors import DivergenceError, UserError
from hf_distill.networks import MLP, ConvNet, TransformersClassifier
from hf_distill.seeding import Streams
from hf_distill.training import KL, SGD, AdamW, Recipe, TensorSource, fitting, train_networks
from hf_distill.training import plan as plans
from hf_distill.training.fitting import _batches
from hf_distill.training.step import CompiledLoss


def data(rows=12, seed=0, classes=3, shape=(1, 8, 8)):
    generator = torch.Generator().manual_seed(seed)
    y = torch.arange(rows) % classes
    x = torch.randn(rows, *shape, generator=generator) + y.view(-1, *[1] * len(shape))
    return Batch.of(x, y)


def trained(seeds, architecture, recipe, **options):
    networks = [architecture.build((1, 8, 8), 3, seed) for seed in seeds]
    sources = [TensorSource(data(seed=seed)) for seed in seeds]
    trained = train_networks(networks, sources, [Streams(seed) for seed in seeds], recipe=recipe, **options)
    return networks, trained.plan


def assert_same(one, two):
    for (name, a), b in zip(one.state_dict().items(), two.state_dict().values(), strict=True):
        torch.testing.assert_close(a, b, atol=1e-4, rtol=1e-3, msg=lambda m, name=name: f"{name}: {m}")


@pytest.mark.parametrize("norm, optimizer", [("instance", SGD), ("batch", SGD), ("none", AdamW)])
@pytest.mark.parametrize("augment", [None, SiameseAugment(mode="S"), SiameseAugment(strategy="color_crop", mode="M")])
def test_a_seed_does_not_feel_its_neighbours(augment, norm, optimizer):
    # Batches of 5 of 12 samples: the order counts as well. (AdamW without normalisation: a bias before one has no
    # gradient but rounding, which AdamW makes large.)
    recipe = Recipe(epochs=4, batch_size=5, augment=augment, optimizer=optimizer(lr=0.003))
    architecture = ConvNet(width=4, depth=2, norm=norm)
    together, plan = trained([0, 1, 2], architecture, recipe, strategy="together")
    assert plan.together
    sequential, plan = trained([0, 1, 2], architecture, recipe, strategy="sequential")
    assert not plan.together
    alone, _ = trained([2], architecture, recipe)
    for one, two in zip(together, sequential, strict=True):
        assert_same(one, two)
    assert_same(alone[0], sequential[2])


def test_the_same_call_gives_the_same_weights():
    recipe = Recipe(epochs=3, batch_size=5, augment=SiameseAugment())
    (one,), _ = trained([4], ConvNet(width=4, depth=2), recipe)
    (two,), _ = trained([4], ConvNet(width=4, depth=2), recipe)
    assert all(torch.equal(a, b) for a, b in zip(one.state_dict().values(), two.state_dict().values(), strict=True))


def test_dropout_draws_from_the_seed():
    vit = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 8, "patch_size": 4}
    architecture = TransformersClassifier(model={"model_type": "vit", "hidden_dropout_prob": 0.5, **vit})
    before = torch.random.get_rng_state()
    both, plan = trained([0, 1], architecture, Recipe(epochs=3))
    assert not plan.together
    torch.manual_seed(99)
    alone, _ = trained([1], architecture, Recipe(epochs=3))
    assert_same(both[1], alone[0])
    torch.random.set_rng_state(before)


def test_it_learns_and_ends_in_evaluation_mode():
    epochs = []
    (network,), _ = trained([0], MLP(width=16), Recipe(epochs=60, optimizer=SGD(lr=0.05)), progress=epochs.append)
    batch = data(seed=0)
    assert not network.training and sum(epochs) == 60
    assert (network(batch.x).argmax(1) == batch.y).float().mean() == 1


def test_weights_of_zero_take_samples_out():
    recipe = Recipe(epochs=3, optimizer=SGD(weight_decay=0, lr=0.05))
    kept, more = data(6), data(12)
    w = torch.cat([torch.full((6,), 2.0), torch.zeros(6)])  # the mean is over twelve
    more = Batch(torch.cat([kept.x, more.x[6:] + 9]), more.y, w)
    networks = [MLP(width=8).build((1, 8, 8), 3, 0) for _ in range(2)]
    for network, batch in zip(networks, (kept, more), strict=True):
        train_networks([network], [TensorSource(batch)], [Streams(0)], recipe=recipe)
    assert_same(*networks)


@pytest.mark.parametrize("strategy", ["together", "sequential"])
def test_divergence_is_an_error(strategy):
    with pytest.raises(DivergenceError, match=r"lower recipe\.optimizer\.lr"):
        trained([0, 1], MLP(width=8), Recipe(epochs=30, optimizer=SGD(lr=1e6)), strategy=strategy)


@pytest.mark.parametrize("really", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_compiled_training_is_the_same(really):
    if really and not plans.has_compiler():
        pytest.skip("no C++ compiler")
    recipe = Recipe(epochs=2, optimizer=SGD(lr=0.05))
    plain, _ = trained([0, 1], MLP(width=4, depth=1), recipe, strategy="sequential")
    # Without compilation proper, what is compiled still runs: weights as arguments, one function for all seeds.
    with torch._dynamo.config.patch(disable=not really):
        compiled, plan = trained([0, 1], MLP(width=4, depth=1), recipe, strategy="sequential", compile="always")
    assert plan.compiled
    for one, two in zip(plain, compiled, strict=True):
        assert_same(one, two)


def test_equal_networks_of_several_calls_are_compiled_once(monkeypatch):
    made = []

    class Counted(CompiledLoss):
        def __init__(self, network, *rest):
            made.append(network)
            super().__init__(network, *rest)

    monkeypatch.setattr(fitting, "CompiledLoss", Counted)
    monkeypatch.setattr(fitting, "_compiled_losses", {})
    recipe = Recipe(epochs=1, optimizer=SGD(lr=0.05))
    with torch._dynamo.config.patch(disable=True):
        for network in (MLP(width=3, depth=1), MLP(width=3, depth=1), MLP(width=5, depth=1), MLP(width=3, depth=1)):
            trained([0, 1], network, recipe, strategy="sequential", compile="always")
        assert len(made) == 2
        # It holds a tensor that is no weight.
        for _ in range(2):
            trained([0, 1], ConvNet(width=3, depth=2), recipe, strategy="sequential", compile="always")
        assert len(made) == 3
        other = Recipe(epochs=1, optimizer=SGD(lr=0.05), loss=KL())
        with pytest.raises(UserError, match="soft labels"):
            trained([0], MLP(width=3, depth=1), other, strategy="sequential", compile="always")
    assert len(made) == 4


@pytest.mark.slow
@pytest.mark.parametrize("compile", ["never", "always"])
def test_workers_change_no_bit(monkeypatch, compile):
    if compile == "always" and not plans.has_compiler():
        pytest.skip("no C++ compiler")
    recipe = Recipe(epochs=4, batch_size=5, augment=SiameseAugment(), optimizer=SGD(lr=0.05))
    vit = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 8, "patch_size": 4}
    dropping = TransformersClassifier(model={"model_type": "vit", "hidden_dropout_prob": 0.5, **vit})
    for architecture in (ConvNet(width=4, depth=2), dropping) if compile == "never" else (ConvNet(width=4, depth=2),):
        alone, plan = trained([0, 1, 2], architecture, recipe, strategy="sequential", compile=compile)
        assert plan.workers == 1 and plan.one_thread
        monkeypatch.setattr(plans, "count_workers", lambda: 2)
        epochs = []
        options = {"strategy": "side_by_side", "compile": compile, "progress": epochs.append}
        beside, plan = trained([0, 1, 2], architecture, recipe, **options)
        assert plan.workers == 2 and sum(epochs) == 36
        for one, two in zip(alone, beside, strict=True):
            assert not two.training
            assert all(
                torch.equal(a, b) for a, b in zip(one.state_dict().values(), two.state_dict().values(), strict=True)
            )
    with pytest.raises(DivergenceError, match=r"network 0: .*lower recipe\.optimizer\.lr"):
        trained([0, 1], MLP(width=8), Recipe(epochs=30, optimizer=SGD(lr=1e6)), strategy="side_by_side")


def make(network, batch, steps, count, device="cpu", **options):
    sample = torch.zeros(1, 1, 28, 28)
    return plans.make_plan(
        network, sample, batch=batch, steps=steps, count=count, device=torch.device(device), **options
    )


def test_plan_rules(monkeypatch):
    monkeypatch.setattr(plans, "count_workers", lambda: 4)
    small, large = MLP().build((1, 28, 28), 10, 0), ConvNet(width=32).build((1, 28, 28), 10, 0)
    assert make(small, 10, 1000, 5).together and make(small, 10, 1000, 5).one_thread
    assert not make(small, 10, 1000, 1).together
    assert not make(large, 10, 1000, 5).together
    assert make(large, 10, 1000, 5, strategy="together").together
    assert not make(large, 10, 1000, 5).compiled
    assert make(large, 100, 10_000, 5).compiled == plans.has_compiler()
    assert not make(large, 100, 10_000, 5, compile="never").compiled
    # Four processes of one thread each where that is worth their start: never a matter of how many there are.
    assert make(large, 100, 10_000, 5).workers == 4 and make(large, 100, 10_000, 5).one_thread
    assert make(large, 100, 10_000, 3).workers == 3
    assert make(large, 100, 10_000, 1).workers == 1 and not make(large, 100, 10_000, 1).one_thread
    assert make(large, 100, 50, 5).workers == 1 and make(large, 100, 50, 5).one_thread
    assert make(large, 100, 10_000, 5, strategy="sequential").workers == 1
    assert not make(large, 100, 10_000, 5, strategy="sequential").one_thread
    assert make(small, 10, 100, 5, strategy="side_by_side").workers == 4
    assert make(small, 10, 100_000, 25).workers == 3  # ten and ten and five together
    assert make(small, 10, 100_000, 25, joins=False).workers == 4


def test_step_flops_of_an_mlp():
    # 2 operations for each weight, 3 passes, 10 samples.
    network = MLP(width=7, depth=1).build((1, 28, 28), 10, 0)
    assert plans.step_flops(network, torch.zeros(1, 1, 28, 28), 10) == 2 * (784 * 7 + 7 * 10) * 3 * 10


def test_dropout_and_foreign_modules_do_not_train_together():
    class Foreign(torch.nn.Module):
        pass

    assert plans.is_plain(ConvNet(width=4).build((1, 8, 8), 3, 0))
    assert not plans.is_plain(torch.nn.Sequential(torch.nn.Dropout(0.1)))
    assert not plans.is_plain(torch.nn.Sequential(Foreign()))


def test_the_batches_of_an_epoch_are_equal():
    """Eleven samples by five are three batches, none of a single sample; every sample is in one of them."""
    source = TensorSource(data(rows=11))
    batches = _batches([source], Recipe(batch_size=5), [torch.Generator().manual_seed(0)], torch.device("cpu"))
    sizes, rows = [], []
    for batch in itertools.islice(batches, 3):
        sizes.append(batch.x.shape[1])
        rows.append(batch.x[0])
    assert sizes == [4, 4, 3]
    assert torch.equal(
        torch.cat(rows).flatten(1).sum(1).sort().values,
        source.batch(torch.arange(11)).x.flatten(1).sum(1).sort().values,
    )
