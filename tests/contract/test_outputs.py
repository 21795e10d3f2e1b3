"""Every network says which entries of its parameters feed which output, as gradient matching needs it."""

from __future__ import annotations

from typing import ClassVar

import pytest
import torch
from torch import nn

from hf_distill.networks.base import Architecture
from hf_distill.networks.outputs import by_output, output_axes
from hf_distill.objectives.gradient import gradient_distance
from tests.contract.test_architectures import ARCHITECTURES, SHAPES_OF
from tests.contract.test_architectures import ARGUMENTS as OF_ARCHITECTURES
from tests.contract.test_forecasters import ARGUMENTS as OF_FORECASTERS
from tests.contract.test_forecasters import FORECASTERS

CLASSES, SHAPE = 4, (1, 8, 8)
LOOKBACK, HORIZON, CHANNELS = 24, 8, 2
PATCHES = LOOKBACK - 4 + 1
# Outputs of every layer, counted by hand. A table that is added to what a layer gives (tokens, positions) has one row
# for each of its first dimension, as in the reference.
OUTPUTS = {
    "ConvNet": 3 * 8 + CLASSES,
    "ConvNet1d": 3 * 8 + CLASSES,
    "MLP": 2 * 128 + CLASSES,
    "MixedNetwork": 2 * 128 + 64 + CLASSES,
    "AlexNet": 128 + 192 + 256 + 192 + 192 + CLASSES,
    "VGG11": 64 + 128 + 2 * 256 + 4 * 512 + CLASSES,
    "ResNet18": 64 + 4 * (64 + 128 + 256 + 512) + 128 + 256 + 512 + CLASSES,
    "CifarResNet": 16 + 3 * 2 * (16 + 32 + 64) + CLASSES,
    "FramesNetwork": 2 * 4 + 2 * 8 + CLASSES,
    "MelConvNet": 3 * 32 + CLASSES,
    "TextNet": 64 + 64 + CLASSES,
    "TextNet-3": 64 + 64 + 64 + CLASSES,
    "vit": 1 + 1 + 8 + 4 * 8 + 8 + 8 + CLASSES,
    "linear_last": 7 + CLASSES,
    "DLinear": 2 * HORIZON,
    "DLinear, individual": 2 * CHANNELS * HORIZON,
    "DLinear, 9 quantiles": 2 * 9 * HORIZON,
    "iTransformer": 16 + 2 * (3 * 16 + 16 + 16 + 16) + HORIZON,
    "xPatch": 256 + 3 + 16 + 3 + 2 * HORIZON + HORIZON + 4 * HORIZON + HORIZON + HORIZON + HORIZON,
    "RevLinear": HORIZON,
    "RevMLP": 2 * 128 + HORIZON,
    "RevPatch": 24 + LOOKBACK // 12 + HORIZON,
    "RevMix": 64 + 2 * 64 + 64 + 2 * 64 + HORIZON,
    "patchtst": PATCHES + 8 + 4 * 8 + 8 + 8 + HORIZON,
    "patchtsmixer": 8 + (6 + 3 + 3) + (16 + 8 + 8) + HORIZON,
}


def described():
    for name, architecture in ARCHITECTURES.items():
        for arguments in OF_ARCHITECTURES.get(name, [{}]):
            yield architecture(**arguments)
    for name, forecaster in FORECASTERS.items():
        for arguments in OF_FORECASTERS.get(name, [{}]):
            yield forecaster(**arguments)


def built(part):
    if isinstance(part, Architecture):
        return part.build(SHAPES_OF.get(type(part).__name__, [SHAPE])[0], CLASSES, 0)
    return part.build(LOOKBACK, HORIZON, CHANNELS, 0)


@pytest.fixture(autouse=True)
def importable(monkeypatch, request):
    monkeypatch.syspath_prepend(str(request.config.rootpath))


@pytest.mark.parametrize("part", list(described()), ids=lambda part: part.label)
def test_opposite_gradients_are_two_apart_for_every_output(part):
    network = built(part)
    label = part.label + (", individual" if getattr(part, "individual", False) else "")
    generator = torch.Generator().manual_seed(0)
    gradients = [torch.randn(p.shape, generator=generator) for p in network.parameters()]
    axes = list(output_axes(network).values())
    distance = gradient_distance(gradients, [-g for g in gradients], axes, "layers")
    assert distance.item() == pytest.approx(2 * OUTPUTS[label], rel=1e-5)


def test_transposed_convolutions_tables_and_somebody_elses_layout():
    class Mine(nn.Module):
        output_axes: ClassVar[dict[str, tuple[int, ...]]] = {"weight": (2, 0)}

        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.arange(24.0).view(2, 3, 4))

    network = nn.ModuleDict({"up": nn.ConvTranspose2d(5, 3, 2), "table": nn.Embedding(9, 4), "mine": Mine()})
    axes = output_axes(network)
    assert axes == {"up.weight": (1,), "up.bias": (), "table.weight": (1,), "mine.weight": (2, 0)}
    rows = by_output(network["mine"].weight, axes["mine.weight"])
    # Output 2 of 4 in the second half: every input of it.
    assert rows.shape == (8, 3) and rows[2 * 2 + 1].tolist() == [14, 18, 22]
    assert by_output(network["up"].weight, axes["up.weight"]).shape == (3, 5 * 2 * 2)
