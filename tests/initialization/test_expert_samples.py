"""Samples that experts classify right, and the labels that these give."""

import pytest
import torch

from hf_distill.data import RealData
from hf_distill.data.some_rows import with_rows
from hf_distill.errors import UserError
from hf_distill.experts import ExpertStore, ExpertTraining
from hf_distill.initialization import ExpertSamples, MeanSamples
from hf_distill.initialization.expert_samples import mean_of_right
from hf_distill.labels import DenseLabels
from hf_distill.seeding import Streams
from hf_distill.synthetic import PixelSet
from hf_distill.training import Adam, Constant, Recipe
from tests.objectives.sets import TINY

EXPERTS = ExpertTraining(
    network=TINY, count=2, recipe=Recipe(epochs=4, batch_size=64, optimizer=Adam(lr=0.01), schedule=Constant())
)


@pytest.fixture(scope="module")
def real():
    return RealData().setup()


@pytest.fixture(scope="module")
def store(real, tmp_path_factory):
    folder = tmp_path_factory.mktemp("experts")
    store = ExpertStore.begin(folder, EXPERTS.describe(real), resume=False, overwrite=False)
    EXPERTS.train(real, store, progress=False)
    return store


def test_who_is_right_has_a_say():
    logits = torch.tensor([[[3.0, 1.0], [1.0, 2.0]], [[0.0, 5.0], [4.0, 6.0]]])
    assert mean_of_right(logits, torch.tensor([0, 0])).tolist() == [[3.0, 1.0], [2.5, 4.0]]


@pytest.mark.parametrize("initial", [None, MeanSamples()])
def test_samples_are_classified_right_and_softly_labelled(real, store, initial):
    start = ExpertSamples(folder=str(store.folder), experts=EXPERTS, candidates=20, initial=initial)
    drawn = start.draw(real, 3, Streams(0))
    networks = EXPERTS.trained(real, store)
    logits = torch.stack([network(drawn.x) for network in networks])
    assert drawn.hard.tolist() == sorted([*range(10)] * 3)
    assert torch.allclose(drawn.y, mean_of_right(logits, drawn.hard).softmax(1), atol=1e-6)
    if initial is None:  # real rows
        assert (logits.argmax(2) == drawn.hard).float().mean(0).min() > 0.5
    synthetic = PixelSet(per_class=3, labels=DenseLabels(stored="logits"))
    synthetic.initialize(drawn.x, drawn.y, real.spec)
    assert torch.allclose(synthetic().y, drawn.y, atol=0.01) and synthetic().y.requires_grad


def test_there_are_enough_of_each_class(real, store):
    """However few are looked at, as many as are asked for are taken."""
    experts = ExpertTraining(network=TINY, count=2, recipe=EXPERTS.recipe)
    start = ExpertSamples(folder=str(store.folder), experts=experts, candidates=1)
    assert len(start.draw(real, 2, Streams(0))) == 20


def test_data_with_fewer_rows(real):
    some = with_rows(real, torch.arange(100))
    assert len(some.train) == 100 == sum(some.spec.class_counts) and some.spec.mean == real.spec.mean
    assert some.train.batch(torch.tensor([7])).x.equal(real.train.batch(torch.tensor([7])).x) and len(real.train) > 1000


def test_other_targets(store):
    data = RealData(path="diabetes", target="values").setup()
    with pytest.raises(
        UserError, match="ExpertSamples needs samples with classes, and what is learned here are values"
    ):
        ExpertSamples(folder=str(store.folder), experts=EXPERTS).draw(data, 1, Streams(0))
