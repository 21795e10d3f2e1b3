from __future__ import annotations

import pytest
import torch

from hf_distill.errors import UserError
from hf_distill.networks import MLP, VGG11, AlexNet, ConvNet, ResNet18


def count(network):
    return sum(p.numel() for p in network.parameters())


def test_sizes_are_the_textbook_ones():
    # VGG-11: 9,220,480 weights and biases of convolutions, 5,504 of norms, 5,130 of the head.
    assert count(VGG11(norm="batch").build((3, 32, 32), 10, seed=0)) == 9_231_114
    # Eight convolutions of 9 weights a pair of channels, their biases, a head of 8 widths.
    pairs = 3 * 4 + 4 * 8 + 8 * 16 + 16 * 16 + 16 * 32 + 3 * 32 * 32
    assert count(VGG11(norm="none", width=4).build((3, 32, 32), 10, seed=0)) == 9 * pairs + 172 + 330
    # The CIFAR ResNet-18.
    assert count(ResNet18(norm="batch").build((3, 32, 32), 10, seed=0)) == 11_173_962
    # 784 * 128 + 128 + 128 * 128 + 128 + 128 * 10 + 10
    assert count(MLP().build((1, 28, 28), 10, seed=0)) == 118_282
    assert AlexNet().build((3, 32, 32), 10, seed=0).head.in_features == 192 * 4 * 4


@pytest.mark.parametrize("architecture", [AlexNet(), VGG11(), ResNet18()])
@pytest.mark.parametrize("shape", [(64,), (1, 3, 32), (8, 8)])
def test_unusable_shapes(architecture, shape):
    with pytest.raises(UserError, match=type(architecture).__name__):
        architecture.build(shape, 10, seed=0)


@pytest.mark.parametrize("architecture", [VGG11(norm="instance"), ResNet18(norm="instance")])
def test_small_images_do_not_die_in_instance_norm(architecture):
    network = architecture.build((1, 8, 8), 4, seed=0)
    x = torch.randn(3, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    features = network.features(x)
    assert (features[0] - features[1]).abs().max() > 1e-3


def test_unknown_norm():
    with pytest.raises(UserError, match="'instance', 'batch', 'none'"):
        VGG11(norm="layer").build((3, 32, 32), 10, seed=0)


def test_too_small_an_image_for_the_convnet():
    with pytest.raises(UserError, match="8 pixels or more"):
        ConvNet(depth=3).build((1, 7, 8), 10, seed=0)
