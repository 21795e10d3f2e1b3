"""Sets that a teacher labels: views are replayed from what is published, and every label is the teacher's."""

import pytest
import torch

from hf_distill.augment import RandomViews
from hf_distill.data.real import RealData
from hf_distill.errors import UserError
from hf_distill.hub import DistilledDataset
from hf_distill.hub.soft_examples import SoftExamples
from hf_distill.initialization import CutSamples, RealSamples
from hf_distill.labels import DenseLabels, TopLabels, ViewLabels
from hf_distill.methods import Coreset, OptimizedDistillation, Relabeled, Run, Undistilled
from hf_distill.networks import ConvNet
from hf_distill.objectives import StatisticsMatching
from hf_distill.quantization import Budget, UniformQuantizer
from hf_distill.synthetic import PixelSet, QuantizedSet
from hf_distill.training import Recipe, Teacher
from tests.evaluation.sets import table, vectors

TEACHER = Teacher(network=ConvNet(width=4, depth=2, norm="batch"), recipe=Recipe(epochs=3, batch_size=32))
DENSE = DenseLabels(learned=False)


@pytest.fixture(scope="module")
def real():
    return RealData.from_dataset(table(60, 0), table(30, 1)).setup()


def drawn(**options):
    return ViewLabels(labels=DENSE, views=4, draw=RandomViews(least=0.3, **options), seed=3)


@pytest.mark.parametrize("labels", [None, ViewLabels(labels=DENSE, views=3), drawn(), drawn(mix="cutmix", patches=2)])
def test_every_published_view_has_the_label_that_the_teacher_gives_it(labels, real, tmp_path, monkeypatch):
    monkeypatch.setattr("hf_distill.methods.relabeled._BATCH", 4)  # two parts of the set
    made = Relabeled(method=Coreset(per_class=2), teacher=TEACHER, labels=labels).distill(real, Run(progress=False))
    read = DistilledDataset.from_pretrained(made.save_pretrained(tmp_path / "set"))
    soft, experts = read.batch("soft"), TEACHER.experts(real)
    assert len(soft) == 6 * (1 if labels is None else labels.views)
    assert torch.allclose(soft.y, experts.probabilities(soft.x), atol=1e-5)
    examples = SoftExamples.of(read.x, read.w, read.packed)
    views = examples.views
    assert torch.equal(soft.x[::views], read.x) and read.y.tolist() == [0, 0, 1, 1, 2, 2]
    some = torch.tensor([len(soft) - 1, 0, 3])
    assert torch.equal(examples.batch(some).x, soft.x[some])
    assert read.timing["teacher"]["sha256"] == experts.identity()["sha256"]


def test_labels_are_cut_to_the_top_and_quantized(real, tmp_path):
    labels = ViewLabels(labels=TopLabels(top=2, learned=False), views=4, draw=RandomViews())
    inner = QuantizedSet(
        synthetic=PixelSet(per_class=2), quantizer=UniformQuantizer(bits=8), labels=UniformQuantizer(bits=4)
    )
    method = Undistilled(synthetic=inner, initial=RealSamples())
    made = Relabeled(method=method, teacher=TEACHER, labels=labels).distill(real, Run(progress=False))
    # 6 samples of 4 views: two class numbers of 2 bits and two shares of 4, and one range of two float16
    assert made.bits["codes"].labels == 24 * (2 * 2 + 2 * 4)
    read = DistilledDataset.from_pretrained(made.save_pretrained(tmp_path / "set"))
    soft = read.batch("soft")
    exact = TEACHER.experts(real).probabilities(soft.x)
    top = exact.topk(2, 1)
    shares = torch.zeros_like(exact).scatter(1, top.indices, top.values / top.values.sum(1, keepdim=True))
    assert ((soft.y > 0).sum(1) <= 2).all()
    assert (soft.y - shares).abs().max() < 0.05


def test_what_does_not_fit_is_refused_before_the_work(real, tmp_path):
    vector = RealData.from_dataset(vectors(30, 0))
    with pytest.raises(UserError, match="ViewLabels label parts of images"):
        Relabeled(labels=drawn()).fit(vector, Run())
    with pytest.raises(UserError, match="patches is 3, which does not divide"):
        Relabeled(labels=drawn(patches=3)).fit(real, Run())
    with pytest.raises(UserError, match="make ViewLabels the labels of Relabeled"):
        Undistilled(synthetic=PixelSet(per_class=1, labels=drawn(mix="mixup")), initial=RealSamples()).fit(real, Run())
    budget = QuantizedSet(synthetic=PixelSet(), budget=Budget(bits_per_class=2000))
    with pytest.raises(UserError, match=r"leave synthetic\.budget out"):
        method = Undistilled(synthetic=budget, initial=RealSamples())
        Relabeled(method=method, teacher=TEACHER).fit(real, Run())


def test_no_teacher_is_trained_for_a_method_that_refuses_the_data(real, monkeypatch):
    monkeypatch.setattr(Teacher, "train", lambda *options, **more: pytest.fail("a teacher was trained"))
    plain = StatisticsMatching(teacher=Teacher(network=ConvNet(width=4, depth=2)))
    with pytest.raises(UserError, match="no batch normalisation"):
        Relabeled(method=OptimizedDistillation(objective=plain), teacher=Teacher()).fit(real, Run())
    with pytest.raises(UserError, match=r"initial\.pieces to 1|does not divide"):
        cut = Undistilled(synthetic=PixelSet(), initial=CutSamples(pieces=3))
        Relabeled(method=cut, teacher=Teacher()).fit(real, Run())
    with pytest.raises(UserError, match="no such file or folder"):
        Relabeled(method=cut, teacher=Teacher(path="./nothing")).fit(real, Run())
