from __future__ import annotations

import pytest
import torch

from hf_distill.errors import UserError
from hf_distill.networks.forecasters import DLinear, ITransformer, RevLinear, RevMix, TransformersForecaster, XPatch


def test_dlinear_starts_as_the_mean_of_the_window():
    network = DLinear().build(48, 6, 2, seed=0)
    with torch.no_grad():
        network.bias.zero_()
    x = torch.randn(3, 48, 2, generator=torch.Generator().manual_seed(0))
    # W_s = W_t = 1 / L: seasonal part and trend add up to the window again.
    torch.testing.assert_close(network(x), x.mean(1, keepdim=True).expand(3, 6, 2))


def test_dlinear_decomposes_by_a_moving_average_with_repeated_ends():
    network = DLinear(kernel=3).build(4, 1, 1, seed=0)
    with torch.no_grad():
        network.bias.zero_()
        network.weight.zero_()
        network.weight[1, 0, 0] = torch.tensor([1.0, 10.0, 100.0, 1000.0])  # reads the trend
    x = torch.tensor([3.0, 6.0, 9.0, 0.0]).view(1, 4, 1)
    trend = torch.tensor([4.0, 6.0, 5.0, 3.0])  # (3 + 3 + 6) / 3, ..., (9 + 0 + 0) / 3
    assert network(x).item() == pytest.approx((trend * torch.tensor([1.0, 10.0, 100.0, 1000.0])).sum().item())


def test_individual_weights_are_the_shared_ones_where_they_are_equal():
    x = torch.randn(3, 12, 2, generator=torch.Generator().manual_seed(0))
    shared, own = DLinear().build(12, 4, 2, seed=0), DLinear(individual=True).build(12, 4, 2, seed=0)
    with torch.no_grad():
        shared.weight.normal_()
        own.weight.copy_(shared.weight.expand_as(own.weight))
        own.bias.copy_(shared.bias.expand_as(own.bias))
    torch.testing.assert_close(shared(x), own(x))


def test_xpatch_trend_is_the_recursion():
    network = XPatch(alpha=0.3).build(20, 4, 1, seed=0)
    x = torch.randn(20, generator=torch.Generator().manual_seed(0))
    expected = [x[0]]
    for value in x[1:]:
        expected.append(0.3 * value + 0.7 * expected[-1])
    torch.testing.assert_close(network.ema @ x, torch.stack(expected))


@pytest.mark.parametrize("forecaster", [ITransformer(dropout=0), RevLinear(), XPatch()], ids=lambda f: f.label)
def test_normalising_networks_follow_level_and_scale(forecaster):
    network = forecaster.build(24, 6, 2, seed=0).double().eval()
    x = torch.randn(3, 24, 2, generator=torch.Generator().manual_seed(0)).double()
    # Up to the 1e-5 that keeps a constant window from dividing by zero.
    torch.testing.assert_close(network(5 * x + 7), 5 * network(x) + 7, rtol=1e-3, atol=1e-3)


def test_only_mixing_networks_look_at_other_channels():
    x = torch.randn(1, 24, 3, generator=torch.Generator().manual_seed(0))
    changed = x.clone()
    changed[..., 2] += torch.linspace(0, 1, 24)
    for forecaster, mixes in ((DLinear(), False), (XPatch(), False), (ITransformer(), True), (RevMix(), True)):
        network = forecaster.build(24, 6, 3, seed=0).eval()
        assert (network(x)[..., 0] != network(changed)[..., 0]).any() == mixes, forecaster.label


@pytest.mark.parametrize(
    ("forecaster", "message"),
    [
        (XPatch(), "look-back of 16"),
        (ITransformer(heads=3), "must divide the width, 128"),
        (TransformersForecaster(model={"model_type": "vit"}), "choose patchtst or patchtsmixer"),
        (TransformersForecaster(model="nowhere.json"), "cannot read the transformers configuration"),
        (TransformersForecaster(model={"model_type": "patchtst", "patch_length": 50}), "patch_length"),
    ],
)
def test_what_cannot_be_built(forecaster, message):
    with pytest.raises(UserError, match=message):
        forecaster.build(8, 4, 2, seed=0)


def test_xpatch_needs_two_steps():
    with pytest.raises(UserError, match="horizon of 2 or more"):
        XPatch().build(24, 1, 2, seed=0)
