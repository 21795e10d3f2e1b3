from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from hf_distill.errors import UserError
from hf_distill.quantization import LearnedLevels
from hf_distill.synthetic import MotionSet, QuantizedSet
from tests.hub.conftest import frames_spec, image_spec
from tests.synthetic.quantized import read

LABELS = torch.tensor([0, 1])


def videos(frames=4, channels=1, side=8):
    return torch.randn(2, frames, channels, side, side, generator=torch.Generator().manual_seed(0))


def made(x, **options):
    synthetic = MotionSet(per_class=1, **options)
    synthetic.initialize(x, LABELS, frames_spec(*x.shape[1:4]))
    return synthetic


def test_the_moving_part_is_averaged_and_enlarged():
    x = videos(channels=3)
    synthetic = made(x, moving=2)
    small = F.avg_pool2d(x.flatten(0, 1), 2)
    torch.testing.assert_close(synthetic.pixels, small.reshape(2, -1))
    large = F.interpolate(small, (8, 8), mode="bilinear", align_corners=False).reshape(x.shape)
    torch.testing.assert_close(synthetic().x, large)
    slow = made(x, moving=1, every=2)
    halves = x.unflatten(1, (2, 2)).mean(2)
    expected = torch.stack([halves[:, 0], 0.75 * halves[:, 0] + 0.25 * halves[:, 1]], 1)
    torch.testing.assert_close(slow().x[:, :2], expected)


def test_the_still_part_is_what_all_frames_share():
    still = torch.randn(2, 1, 1, 8, 8, generator=torch.Generator().manual_seed(1))
    x = still.expand(2, 4, 1, 8, 8).contiguous()
    synthetic = made(x, still=1, moving=4)
    assert synthetic.shapes(frames_spec(4, 1, 8), 1) == {"pixels": (2, 4 * 2 * 2 + 64)}
    torch.testing.assert_close(synthetic().x, x)  # nothing moves
    without = made(x, moving=4)
    assert (without().x - x).square().mean() > 0.3


def test_all_frames_free_are_the_videos():
    torch.testing.assert_close(made(videos(), moving=1)().x, videos())


def test_odd_sizes_and_stored_values():
    spec = frames_spec(5, 1, 7)
    synthetic = MotionSet(per_class=1, still=2, moving=3, every=2)
    synthetic.initialize(videos(5, 1, 7), LABELS, spec)
    assert synthetic.pixels.shape == (2, 3 * 9 + 16) and synthetic().x.shape == (2, 5, 1, 7, 7)
    again = MotionSet(per_class=1, still=2, moving=3, every=2)
    again.initialize(synthetic.pixels.detach(), LABELS, spec)
    assert torch.equal(again.pixels, synthetic.pixels)


def test_the_documented_decoder_makes_the_videos():
    spec = frames_spec(5, 3, 8)
    for still in (None, 2):
        quantized = QuantizedSet(synthetic=MotionSet(still=still, every=2), quantizer=LearnedLevels())
        quantized.initialize(videos(5, 3), LABELS, spec)
        for own in (quantized, quantized.synthetic):
            x, y, _ = read(own.pack(), spec)
            assert x.dtype == np.float32 and np.allclose(x, own().x.detach().numpy(), atol=1e-5)
            assert y.tolist() == [0, 1]


def test_mistakes():
    with pytest.raises(UserError, match="MotionSet holds videos; use PixelSet for images"):
        MotionSet().shapes(image_spec(), 1)
