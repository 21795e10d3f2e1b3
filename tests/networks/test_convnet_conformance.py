"""The values of the reference implementation (DatasetCondensation) on weights and inputs that anyone can rebuild."""

from __future__ import annotations

import math

import pytest
import torch

from hf_distill.errors import UserError
from hf_distill.networks import ConvNet

LOGITS = {
    (1, 28, 28): [
        0.060526,
        0.04088,
        0.022527,
        0.006174,
        -0.007612,
        -0.018436,
        -0.026086,
        -0.030541,
        -0.031972,
        -0.030721,
    ],
    (3, 32, 32): [0.137678, 0.125355, 0.109927, 0.09195, 0.072073, 0.05101, 0.029506, 0.008302, -0.011899, -0.030464],
}
PARAMETERS = {
    ((1, 28, 28), 32): 24138,
    ((1, 28, 28), 128): 317706,
    ((3, 32, 32), 32): 24714,
    ((3, 32, 32), 128): 320010,
}


def wave(*shape, phase):
    values = torch.sin(0.37 * torch.arange(math.prod(shape), dtype=torch.float64) + phase)
    return values.float().reshape(shape)


def fill(network):
    with torch.no_grad():
        for k, (name, p) in enumerate(network.named_parameters()):
            values = torch.cos(0.11 * torch.arange(p.numel(), dtype=torch.float64) + k)
            values = values * (0.05 if p.dim() > 1 else 0.1) + (1.0 if p.dim() == 1 and "weight" in name else 0.0)
            p.copy_(values.float().reshape(p.shape))
    return network


@pytest.mark.parametrize("shape", list(LOGITS))
def test_logits(shape):
    network = fill(ConvNet(width=32).build(shape, 10, seed=0))
    with torch.no_grad():
        logits = network(wave(4, *shape, phase=0.0))
    torch.testing.assert_close(logits[0], torch.tensor(LOGITS[shape]), atol=2e-5, rtol=1e-4)


@pytest.mark.parametrize("shape, width", list(PARAMETERS))
def test_parameter_count(shape, width):
    network = ConvNet(width=width).build(shape, 10, seed=0)
    assert sum(p.numel() for p in network.parameters()) == PARAMETERS[shape, width]


def test_too_small_image():
    with pytest.raises(UserError, match="8 pixels or more"):
        ConvNet(depth=3).build((1, 7, 8), 10, seed=0)
