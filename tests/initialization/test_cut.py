"""CutSamples: parts of real images that a teacher is surest of."""

import pytest
import torch

from hf_distill.augment import RandomViews
from hf_distill.data.real import RealData
from hf_distill.errors import UserError
from hf_distill.initialization import CutSamples
from hf_distill.networks import ConvNet
from hf_distill.seeding import Streams
from hf_distill.training import Recipe, Teacher
from tests.evaluation.sets import table, vectors

TEACHER = Teacher(network=ConvNet(width=4, depth=2, norm="batch"), recipe=Recipe(epochs=3, batch_size=32))


@pytest.fixture(scope="module")
def real():
    return RealData.from_dataset(table(60, 0)).setup()


def test_whole_images_are_those_with_the_lowest_cross_entropy(real):
    part = CutSamples(teacher=TEACHER, candidates=20, crops=1, pieces=1, views=RandomViews(least=1.0, flip=0.0))
    batch = part.draw(real, 2, Streams(0))
    assert batch.y.tolist() == [0, 0, 1, 1, 2, 2]
    for label in range(3):
        x = real.train.batch(real.train.class_index(label)).x  # all 20 of the class
        cost = -TEACHER.experts(real).probabilities(x)[:, label].log()
        best = x[cost.argsort()[:2]]
        assert torch.allclose(batch.x[2 * label : 2 * label + 2], best, atol=1e-5)


def test_pieces_are_tiled_the_best_first(real):
    options = {"teacher": TEACHER, "candidates": 8, "crops": 2, "views": RandomViews(least=0.3)}
    whole = CutSamples(**options, pieces=1).draw(real, 8, Streams(1)).x
    tiled = CutSamples(**options, pieces=2).draw(real, 2, Streams(1)).x
    small = torch.nn.functional.avg_pool2d(whole[:8], 2)  # the eight pieces of class 0
    for image in range(2):
        tiles = [tiled[image, :, i : i + 4, j : j + 4] for i in (0, 4) for j in (0, 4)]
        assert all(torch.allclose(tile, small[4 * image + k], atol=1e-6) for k, tile in enumerate(tiles))


def test_more_crops_are_surer(real):
    surer = []
    for crops in (1, 6):
        batch = CutSamples(teacher=TEACHER, candidates=6, crops=crops).draw(real, 4, Streams(0))
        p = TEACHER.experts(real).probabilities(batch.x)
        surer.append(float(p[torch.arange(len(p)), batch.y].mean()))
    assert surer[1] > surer[0]


def test_what_cannot_be_cut_is_refused_before_the_teacher_is_trained(real):
    with pytest.raises(UserError, match=r"class 'left' has 20 images, fewer than the 36 pieces of 9 samples"):
        CutSamples(pieces=2).draw(real, 9, Streams(0))
    with pytest.raises(UserError, match="patches is 3, which does not divide the sides"):
        CutSamples(pieces=3).draw(real, 1, Streams(0))
    with pytest.raises(UserError, match=r"set initial\.views\.mix to none"):
        CutSamples(views=RandomViews(mix="mixup")).draw(real, 1, Streams(0))
    with pytest.raises(UserError, match="cuts images with classes, not numbers"):
        CutSamples().draw(RealData.from_dataset(vectors(30, 0)).setup(), 1, Streams(0))
