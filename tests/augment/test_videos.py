from __future__ import annotations

import pytest
import torch

from hf_distill.augment import FramesAugment, SiameseAugment
from hf_distill.errors import UserError


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("count", [None, 3])
@pytest.mark.parametrize("name", ["crop", "cutout", "flip", "scale", "rotate"])
def test_every_frame_is_augmented_as_an_image_is(name, count):
    videos, images = FramesAugment(strategy=name), SiameseAugment(strategy=name)
    x = torch.randn(3, 4, 2, 8, 8, generator=generator())
    params = videos.sample(generator(1), count)
    out = videos.apply(x, params)
    assert out.shape == x.shape
    for frame in range(4):
        torch.testing.assert_close(out[:, frame], images.apply(x[:, frame], params))


def test_description_and_mistakes():
    described = FramesAugment(strategy="crop_flip", flip=0.2).config()
    assert FramesAugment(**described["init_args"]).config() == described
    with pytest.raises(UserError, match="'color'; it must be some of crop, cutout, flip, scale, rotate"):
        FramesAugment(strategy="color")
    with pytest.raises(UserError, match="choose SiameseAugment for images"):
        FramesAugment().apply(torch.randn(3, 1, 8, 8), FramesAugment().sample(generator()))
