"""Attacks stay within their ball and mislead as can be derived for a linear network; corruptions are what they say."""

import math
from dataclasses import replace

import pytest
import torch
from torch import nn

from hf_distill import FGSM, PGD, AutoAttack, ConvNet, Corruption, RealData, Robustness
from hf_distill.errors import UserError
from hf_distill.robustness.corruption import blurred
from hf_distill.seeding import Streams
from tests.evaluation.sets import table, vectors

STREAMS = Streams(0)
# Black, white and what lies between, in two channels of other units.
X = torch.rand(6, 1, 8, 8, generator=torch.Generator().manual_seed(0)).mul(1.4).sub(0.2).clamp(0, 1)


@pytest.fixture(scope="module")
def spec():
    return replace(RealData.from_dataset(table(30, 0), table(30, 1)).setup().spec, mean=(0.3,), std=(0.25,))


def pixels(x, spec):
    mean, std = spec.statistics(x)
    return x * std + mean


@pytest.mark.parametrize("attack", [FGSM(eps=8), PGD(eps=8), PGD(eps=8, step=16, steps=2)])
def test_no_pixel_moves_farther_than_eps_nor_out_of_its_range(attack, spec):
    x = (X - 0.3) / 0.25
    moved = pixels(
        attack.apply(ConvNet(width=4, depth=2).build_for(spec, 0).eval(), x, torch.zeros(6).long(), spec, STREAMS), spec
    )
    assert (moved - X).abs().max() <= 8 / 255 + 1e-6 and moved.min() >= -1e-6 and moved.max() <= 1 + 1e-6
    assert (moved - X).abs().max() > 7.9 / 255


class Linear(nn.Module):
    """Class 1 where the mean pixel, in the network's units, is above zero."""

    def forward(self, x):
        score = x.flatten(1).mean(1)
        return torch.stack([-score, score, score - 100], 1)


@pytest.mark.parametrize("attack", [FGSM(eps=10), PGD(eps=10, steps=4, step=20)])
def test_of_a_linear_network_an_attack_is_known(attack, spec):
    # Mean 0.3 is at the border. Ten levels move it by 10/255: further than 0.02, and not as far as 0.05.
    x = torch.stack([torch.full((1, 8, 8), 0.3 + move) for move in (0.02, 0.05, -0.02, -0.05)])
    y = torch.tensor([1, 1, 0, 0])
    found = Linear()(attack.apply(Linear(), (x - 0.3) / 0.25, y, spec, STREAMS)).argmax(1)
    assert found.tolist() == [0, 1, 1, 0]


def test_a_start_is_drawn_and_the_same_every_time(spec):
    x, y = (X - 0.3) / 0.25, torch.zeros(6).long()
    one, two, other = (PGD(steps=1).apply(Linear(), x, y, spec, own) for own in (STREAMS, STREAMS, STREAMS.at(1)))
    assert torch.equal(one, two) and not torch.equal(one, other)


def test_corruptions_are_what_they_say(spec):
    x = (X - 0.3) / 0.25

    def after(name, severity):
        return pixels(Corruption(name=name, severity=severity).apply(Linear(), x, x, spec, STREAMS), spec)

    assert torch.allclose(after("brightness", 5), (X + 0.3).clamp(0, 1), atol=1e-6)
    middle = X.mean((2, 3), keepdim=True)
    assert torch.allclose(after("contrast", 2), middle + 0.5 * (X - middle), atol=1e-6)
    few = after("pixelate", 5)  # 5 of 8 pixels a side
    assert len(few[0].unique()) <= 4 * 25 and torch.allclose(few.mean(), X.mean(), atol=0.05)
    inner = (X > 0.35) & (X < 0.65)
    assert (after("noise", 5) - X)[inner].std().item() == pytest.approx(0.1, rel=0.25)
    assert after("blur", 5).std() < after("blur", 1).std() < X.std()


def test_a_blur_is_a_gaussian():
    x = torch.zeros(1, 1, 33, 33)
    x[0, 0, 16, 16] = 1
    seen = blurred(x, 2.0)[0, 0]
    assert seen.sum().item() == pytest.approx(1) and torch.equal(seen, seen.T)
    assert (seen[16, 18] / seen[16, 16]).item() == pytest.approx(math.exp(-0.5), rel=1e-5)


def test_other_data_and_a_missing_package_are_refused(spec, monkeypatch):
    with pytest.raises(UserError, match="images with classes"):
        Robustness().check(RealData.from_dataset(vectors(30, 0)).setup().spec)
    with pytest.raises(UserError, match="PGD-10 2/255 twice"):
        Robustness(harms=[PGD(), PGD(step=1)]).check(spec)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"hf-distill\[robust\]"):
        Robustness(harms=[AutoAttack()]).check(spec)


def test_our_attacks_are_those_of_art_and_auto_attack_is_stronger(spec):
    evasion = pytest.importorskip("art.attacks.evasion")
    from art.estimators.classification import PyTorchClassifier

    network = ConvNet(width=4, depth=2).build_for(spec, 0).eval()
    y = network((X - 0.3) / 0.25).argmax(1)
    mean, std = spec.statistics(X)
    classifier = PyTorchClassifier(
        network,
        loss=nn.CrossEntropyLoss(),
        input_shape=(1, 8, 8),
        nb_classes=3,
        clip_values=(0, 1),
        preprocessing=(mean.numpy(), std.numpy()),
        device_type="cpu",
    )
    theirs = evasion.FastGradientMethod(classifier, eps=8 / 255).generate(X.numpy(), y.numpy())
    ours = pixels(FGSM(eps=8).apply(network, (X - 0.3) / 0.25, y, spec, STREAMS), spec)
    assert (ours - torch.from_numpy(theirs)).abs().max() < 1e-5
    attack = AutoAttack(eps=8, iterations=5, queries=5)
    moved = attack.apply(network, (X - 0.3) / 0.25, y, spec, STREAMS)
    assert (pixels(moved, spec) - X).abs().max() <= 8 / 255 + 1e-5
    again = attack.apply(network, (X - 0.3) / 0.25, y, spec, STREAMS)
    assert torch.equal(moved, again)
