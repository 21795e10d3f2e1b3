"""A teacher's sets on one process or two: parts are cut and views are labelled once, and both end with the same."""

import torch
from accelerate import debug_launcher

from hf_distill.augment import RandomViews
from hf_distill.data import RealData
from hf_distill.initialization import CutSamples
from hf_distill.labels import DenseLabels, ViewLabels
from hf_distill.methods import Relabeled, Run, Undistilled
from hf_distill.networks import ConvNet
from hf_distill.synthetic import PixelSet
from hf_distill.training import Recipe, Teacher
from hf_distill.training.experts import Experts
from tests.evaluation.sets import table

TEACHER = Teacher(network=ConvNet(width=4, depth=1, norm="batch"), recipe=Recipe(epochs=1))


def made():
    """Return images, labels and how many the teacher was asked of."""
    asked, real = [], RealData.from_dataset(table(60, 0)).setup()
    answer = Experts.probabilities
    Experts.probabilities = lambda experts, x: asked.append(len(x)) or answer(experts, x)
    cut = Undistilled(synthetic=PixelSet(per_class=7), initial=CutSamples(teacher=TEACHER, candidates=8, crops=2))
    draw = RandomViews(least=0.5, flip=0.0, mix="cutmix")
    labels = ViewLabels(labels=DenseLabels(learned=False), views=32, draw=draw)
    synthetic = Relabeled(method=cut, teacher=TEACHER, labels=labels).fit(real, Run(progress=False))
    Experts.probabilities = answer
    decoded = synthetic()
    return decoded.x.detach(), decoded.y.detach(), sum(asked)


def on_a_rank(path):
    torch.set_num_threads(1)
    torch.save(made(), f"{path}/{torch.distributed.get_rank()}.pt")


def test_two_ranks_share_cutting_and_labelling_and_end_with_the_set_of_one(tmp_path):
    x, y, asked = made()  # before the others, which then need not import what it does
    debug_launcher(on_a_rank, args=(str(tmp_path),), num_processes=2)
    ranks = [torch.load(tmp_path / f"{rank}.pt") for rank in (0, 1)]
    assert y.shape == (21, 32, 3) and asked == 3 * 8 * 2 + 21 * 32
    # Of three classes one process has two, and of the three batches of 256 views at most too.
    assert [own[2] for own in ranks] == [32 + 256 + 160, 16 + 256]
    for own in ranks:
        assert torch.equal(own[0], x) and torch.equal(own[1], y)
