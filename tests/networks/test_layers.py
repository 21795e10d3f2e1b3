"""The pooling of ConvNet is the mean of 2x2 pixels, whichever way it is computed."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from hf_distill.networks.layers import AvgPoolPairs


@pytest.mark.parametrize("shape", [(2, 3, 8, 8), (2, 3, 6, 8), (3, 8, 8), (2, 3, 7, 8), (2, 3, 8, 9), (2, 3, 4, 4)])
def test_pooling_is_the_kernels(shape):
    x = torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(AvgPoolPairs(8)(x), nn.AvgPool2d(2)(x), atol=1e-7)


def test_fitting_images_leave_the_kernel(monkeypatch):
    monkeypatch.setattr(nn.AvgPool2d, "forward", lambda self, x: pytest.fail("the slow kernel was taken"))
    x = torch.arange(16.0).view(1, 1, 4, 4)
    assert AvgPoolPairs(4)(x).flatten().tolist() == [2.5, 4.5, 10.5, 12.5]


def test_pooling_has_derivatives_of_any_order():
    x = torch.randn(1, 2, 4, 4, dtype=torch.float64, requires_grad=True)
    pool = AvgPoolPairs(4)
    assert torch.autograd.gradgradcheck(lambda x: pool(x.square()), x)


def test_pooling_maps_over_networks():
    x = torch.randn(3, 2, 1, 4, 4)
    assert torch.allclose(torch.func.vmap(AvgPoolPairs(4))(x), nn.AvgPool2d(2)(x.flatten(0, 1)).view(3, 2, 1, 2, 2))
