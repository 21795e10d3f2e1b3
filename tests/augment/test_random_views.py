"""Random views: functions of uniform numbers, alike in torch and in the published decoder."""

import numpy as np
import pytest
import torch

from hf_distill import decode
from hf_distill.augment import RandomViews
from hf_distill.errors import UserError
from hf_distill.training import Recipe
from tests.synthetic.quantized import spec


def images(count=5, height=8, width=6):
    return torch.randn(count, 3, height, width, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("mix", ["none", "mixup", "cutmix"])
@pytest.mark.parametrize("patches", [1, 2])
def test_torch_and_the_decoder_see_the_same(mix, patches):
    draw, x, index = RandomViews(least=0.2, patches=patches, mix=mix), images(), torch.tensor([0, 3, 7, 14, 3])
    about = {"count": 3, "seed": 2**60 + 1, **draw.about()}
    mine = draw.replayed(x.requires_grad_(), index, 3, about["seed"])
    theirs = decode.seen(x.detach().numpy(), about, index.numpy())
    assert theirs.dtype == np.float32 and np.allclose(mine.detach().numpy(), theirs, atol=1e-6)
    assert torch.equal(mine[1], mine[4])  # a view is a function of its number alone
    mine.sum().backward()
    assert x.grad.abs().sum() > 0


def test_numbers_are_uniform_and_fixed_for_ever():
    u = decode.numbers(7, np.arange(4000) % 20, np.arange(4000) // 20, 5)
    assert u.mean() == pytest.approx(0.5, abs=0.01) and u.var() == pytest.approx(1 / 12, abs=0.002)
    assert np.abs(np.corrcoef(u.T) - np.eye(5)).max() < 0.06 and u.min() >= 0 and u.max() < 1
    # sets that are published are read by them
    known = decode.numbers(1, np.array([2]), np.array([3]), 2)[0].tolist()
    assert known == KNOWN


KNOWN = [0.036991376265271936, 0.6371843866076111]


def test_parts_are_those_of_the_area_and_can_be_the_whole():
    x = images()
    whole = RandomViews(least=1.0, flip=0.0)
    torch.testing.assert_close(whole.apply(x, whole.sample(torch.Generator().manual_seed(0), 5)), x)
    mirrored = RandomViews(least=1.0, flip=1.0)
    torch.testing.assert_close(mirrored.apply(x, mirrored.sample(torch.Generator().manual_seed(0))), x.flip(3))
    # a part of a quarter of the area at the upper left: 4 of 8 rows, 3 of 6 columns
    u = np.array([[0.0, 0.0, 0.0, 0.9]])
    rise, run = decode.part_matrices(u, 0.25, 0.5, 8, 6)
    assert (rise[0].sum(0) > 0).tolist() == [True] * 4 + [False] * 4
    assert (run[0].sum(0) > 0).tolist() == [True] * 3 + [False] * 3
    assert np.allclose(rise.sum(2), 1) and np.allclose(run.sum(2), 1)


def test_patches_change_places_as_wholes():
    draw, x = RandomViews(least=1.0, flip=0.0, patches=2), images(1)
    seen = draw.apply(x, draw.sample(torch.Generator().manual_seed(3), 1))
    tiles = [x[0, :, i : i + 4, j : j + 3] for i in (0, 4) for j in (0, 3)]
    places = [seen[0, :, i : i + 4, j : j + 3] for i in (0, 4) for j in (0, 3)]
    found = [[torch.allclose(tile, place) for tile in tiles].index(True) for place in places]
    assert sorted(found) == [0, 1, 2, 3] and found != [0, 1, 2, 3]


def test_a_mixture_is_of_two_images_by_its_share():
    u = np.zeros((1, decode.ENOUGH + 1))
    u[:, 4], u[:, 5:7] = 0.25, 0.5
    box = decode.partner_shares(u, "cutmix", 8, 8)[0]
    assert box.sum() == 16 and set(box.flatten()) == {0.0, 1.0} and box[2:6, 2:6].all()
    assert (decode.partner_shares(u, "mixup", 8, 8) == 0.25).all()
    view = np.repeat(np.arange(6), 5)
    sample = np.tile(np.arange(5), 6)
    partner = decode.partners(3, view, sample, 5)
    assert (partner != sample).all()
    for own in range(6):  # each image is a partner once in a view
        assert sorted(partner[view == own]) == list(range(5))


def test_a_recipe_cannot_mix_without_labels_for_it():
    with pytest.raises(UserError, match=r"set recipe\.augment\.mix to none"):
        Recipe(augment=RandomViews(mix="cutmix")).check(spec((1, 8, 8)))
    Recipe(augment=RandomViews()).check(spec((1, 8, 8)))
