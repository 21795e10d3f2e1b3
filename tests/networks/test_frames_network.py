import pytest
import torch

from hf_distill.errors import UserError
from hf_distill.networks import FramesNetwork


def test_the_order_of_frames_matters():
    network = FramesNetwork(width=4).build((6, 1, 16, 16), 3, seed=0).eval()
    x = torch.randn(2, 6, 1, 16, 16, generator=torch.Generator().manual_seed(0))
    assert not torch.allclose(network(x), network(x.flip(1)), atol=1e-3)
    assert network.features(x).shape == (2, 8 * 1 * 1 * 1)


def test_sounds_and_images_are_refused():
    for shape in ((1, 8, 8), (800,), (3, 1, 6, 6)):
        with pytest.raises(UserError, match="FramesNetwork needs videos"):
            FramesNetwork().build(shape, 2, seed=0)
