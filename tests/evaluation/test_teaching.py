"""Labels of a teacher in an evaluation: stored ones, those of random samples, and those given while networks train."""

import pytest
import torch

from hf_distill.augment import RandomViews
from hf_distill.data.real import RealData
from hf_distill.errors import UserError
from hf_distill.evaluation import ClassificationEvaluator
from hf_distill.evaluation.teaching import Teaching
from hf_distill.labels import DenseLabels, TopLabels, ViewLabels
from hf_distill.methods import Coreset, Relabeled, Run
from hf_distill.networks import ConvNet
from hf_distill.seeding import Streams
from hf_distill.training import KL, AdamW, Cosine, Recipe, Teacher
from tests.evaluation.sets import table

TEACHER = Teacher(network=ConvNet(width=4, depth=2, norm="batch"), recipe=Recipe(epochs=6, batch_size=32))
STUDENT = ConvNet(width=4, depth=2)
SOFT = Recipe(steps=40, optimizer=AdamW(lr=0.01), schedule=Cosine(each="step"), loss=KL(temperature=4))


@pytest.fixture(scope="module")
def real():
    return RealData.from_dataset(table(90, 0), table(30, 1)).setup()


def made(real, labels):
    return Relabeled(method=Coreset(per_class=2), teacher=TEACHER, labels=labels).distill(real, Run(progress=False))


def measured(made, real, **options):
    options = {"networks": [STUDENT], "seeds": 2, "recipe": SOFT, "baselines": ["random"], "full": 1, **options}
    (row,) = ClassificationEvaluator(**options).evaluate(made, real, progress=False).rows
    return row


def test_random_samples_have_the_same_labels_and_bits(real):
    labels = ViewLabels(labels=TopLabels(top=2, learned=False), views=4, draw=RandomViews(mix="mixup"))
    distilled = made(real, labels)
    row = measured(distilled, real, labels="soft", teacher=TEACHER)
    # 6 samples of 64 bytes; of 4 views two classes of 2 bits and two shares of 32
    assert row["bits"] == 6 * 512 + 24 * 2 * (2 + 32) == row["baselines"]["same_labels"]["bits"]
    assert row["baselines"]["same_labels"]["samples"] == 24
    assert row["baselines"]["random"]["samples"] == row["bits"] // (512 + 2)  # hard labels: more samples
    assert row["teacher"]["sha256"] == TEACHER.experts(real).identity()["sha256"]
    teaching = Teaching("soft", SOFT, TEACHER.experts(real))
    source = teaching.same_labels(real, distilled, [Streams(5)]).sources[0]
    batch = source.whole()
    top = TEACHER.experts(real).probabilities(batch.x).topk(2, 1)
    assert torch.allclose(batch.y.topk(2, 1).values, top.values / top.values.sum(1, keepdim=True), atol=1e-5)


def test_a_teacher_labels_while_networks_train_and_its_bytes_count(real):
    distilled = made(real, DenseLabels(learned=False))
    recipe = Recipe(steps=40, optimizer=AdamW(lr=0.01), loss=KL(), augment=RandomViews(least=0.5, mix="cutmix"))
    row = measured(distilled, real, labels="taught", teacher=TEACHER, recipe=recipe)
    bits = TEACHER.experts(real).identity()["bits"]
    assert row["bits"] == 6 * (512 + 2) + bits and row["baselines"]["same_labels"]["bits"] == 6 * 512 + bits
    experts = TEACHER.experts(real)
    contender = Teaching("taught", recipe, experts).contenders(distilled, None, real, [Streams(0)])["distilled"]
    one, two = (next(contender.sources[0].epoch(6, torch.Generator().manual_seed(k))) for k in (0, 1))
    assert not torch.equal(one.x, two.x) and torch.allclose(one.y, experts.probabilities(one.x))


def test_what_does_not_go_together_is_refused(real):
    distilled = made(real, DenseLabels(learned=False))
    with pytest.raises(UserError, match=r"evaluator\.teacher: name one"):
        measured(distilled, real, labels="taught")
    with pytest.raises(UserError, match=r"KL needs soft labels.*set recipe\.loss to CrossEntropy"):
        measured(distilled, real, labels="hard")
    with pytest.raises(UserError, match="this set holds no soft labels"):
        measured(Coreset(per_class=2).distill(real, Run(progress=False)), real, labels="soft")
