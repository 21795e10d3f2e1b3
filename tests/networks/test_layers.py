"""The pooling of ConvNet is the mean of 2x2 pixels, whichever way it is computed."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from hf_distill.networks.layers import AvgPoolPairs, PatchConv2d


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
    torch.testing.assert_close(
        torch.func.vmap(AvgPoolPairs(4))(x), nn.AvgPool2d(2)(x.flatten(0, 1)).view(3, 2, 1, 2, 2)
    )


@pytest.mark.parametrize("channels", [1, 3])
def test_a_convolution_of_patches_is_the_kernels(monkeypatch, channels):
    """As a compiler takes it: the same values and gradients, also where height and width differ."""
    x = torch.randn(2, channels, 6, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    layers = [kind(channels, 5, 3, padding=2).double() for kind in (PatchConv2d, nn.Conv2d)]
    layers[1].load_state_dict(layers[0].state_dict())
    monkeypatch.setattr(torch.compiler, "is_compiling", lambda: True)
    ours, kernels = (layer(x) for layer in layers)
    torch.testing.assert_close(ours, kernels)
    gradients = [
        torch.autograd.grad(out.square().sum(), list(layer.parameters()))
        for out, layer in zip((ours, kernels), layers, strict=True)
    ]
    assert all(torch.allclose(own, other) for own, other in zip(*gradients, strict=True))
    assert (type(ours.grad_fn) is type(kernels.grad_fn)) == (channels > 1)


@pytest.mark.parametrize("shape", [(2, 3, 8, 8), (2, 3, 6, 4), (3, 8, 8), (2, 3, 7, 8)])
def test_pooling_that_is_compiled_is_the_kernels(monkeypatch, shape):
    x = torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    monkeypatch.setattr(torch.compiler, "is_compiling", lambda: True)
    assert torch.allclose(AvgPoolPairs(8)(x), nn.functional.avg_pool2d(x, 2), atol=1e-7)
