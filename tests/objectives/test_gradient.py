import pytest
import torch
from torch import nn
from torch.nn import functional as F

from hf_distill.data import RealData
from hf_distill.networks import ConvNet
from hf_distill.networks.forecasters import DLinear
from hf_distill.networks.outputs import output_axes
from hf_distill.objectives import GradientMatching
from hf_distill.objectives.gradient import gradient_distance
from hf_distill.seeding import Streams
from tests.objectives.sets import LINEAR, TINY, bank, fresh, harmonic_set, pixel_set, small_series, trained, wave


def test_orthogonal_and_opposite_gradients():
    a, b = (
        [torch.tensor([[1.0, 0.0], [0.0, 2.0]]), torch.ones(2)],
        [torch.tensor([[0.0, 1.0], [0.0, -1.0]]), torch.ones(2)],
    )
    # The first output's weights are orthogonal, the second's opposite; the bias does not count.
    assert gradient_distance(a, b, [(0,), ()], "layers").item() == pytest.approx(1 + 2, abs=1e-5)
    assert gradient_distance(a, b, [(0,), ()], "mse").item() == 1 + 1 + 9
    assert gradient_distance(a, b, [(0,), ()], "l1").item() == 1 + 1 + 3


def test_hidden_layers_alone(monkeypatch):
    """IDC: neither biases nor norms nor the last layer."""
    seen, images = [], RealData().setup()

    def shapes(ours, target, axes, distance):
        seen.append([g.shape for g in ours])
        return gradient_distance(ours, target, axes, distance)

    monkeypatch.setattr("hf_distill.objectives.gradient.gradient_distance", shapes)
    objective = GradientMatching(pool=fresh(ConvNet(width=4, depth=2)), distance="mse", hidden=True, real_batch=4)
    objective(pixel_set(images), images, Streams(0))["gradient"].backward()
    assert seen[0] == [(4, 1, 3, 3), (4, 4, 3, 3)]


@pytest.mark.parametrize("individual", [False, True])
def test_stacked_maps_are_compared_as_the_layers_that_they_are(individual):
    """DLinear with its maps in one tensor, and the same network of layers of their own."""
    lookback, horizon, channels = 6, 3, 2
    stacked = DLinear(kernel=3, individual=individual, uniform=False).build(lookback, horizon, channels, 0)
    groups = channels if individual else 1
    layers = nn.ModuleList(nn.Linear(lookback, horizon) for _ in range(2 * groups))
    with torch.no_grad():
        for place, layer in enumerate(layers):
            layer.weight.copy_(stacked.weight.flatten(0, 1)[place])
            layer.bias.copy_(stacked.bias.flatten(0, 1)[place])

    def apart(x):
        trend = F.avg_pool1d(F.pad(x.transpose(1, 2), (1, 1), mode="replicate"), 3, 1)
        parts = x.transpose(1, 2) - trend, trend
        own = [[layers[part * groups + n % groups](parts[part][:, n]) for part in range(2)] for n in range(channels)]
        return torch.stack([a + b for a, b in own], 2)

    distances = []
    for module, forward in ((stacked, stacked), (layers, apart)):
        parameters = list(module.parameters())
        sides = []
        for phase in (0.0, 1.0):
            x, y = wave(5, lookback + horizon, channels, phase=phase).split((lookback, horizon), 1)
            sides.append(torch.autograd.grad((forward(x) - y).square().mean(), parameters))
        distances.append(gradient_distance(*sides, list(output_axes(module).values()), "layers").item())
    assert distances[0] == pytest.approx(distances[1], rel=1e-4) and distances[0] > 0.1


@pytest.mark.parametrize("pool", [fresh, bank, trained])
def test_images_and_series(pool):
    images = RealData().setup()
    pixels = pixel_set(images)
    loss = GradientMatching(pool=pool(TINY), real_batch=4)(pixels, images, Streams(0))["gradient"]
    loss.backward()
    assert torch.isfinite(pixels.pixels.grad).all() and pixels.pixels.grad.abs().sum() > 0
    series = small_series()
    harmonics = harmonic_set(series)
    GradientMatching(pool=pool(LINEAR), real_batch=4)(harmonics, series, Streams(0))["gradient"].backward()
    assert torch.isfinite(harmonics.real.grad).all() and harmonics.imag.grad.abs().sum() > 0
