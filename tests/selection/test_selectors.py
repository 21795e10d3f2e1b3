import numpy as np
import pytest
import torch
from datasets import Dataset

from hf_distill.data.real import RealData
from hf_distill.errors import UserError
from hf_distill.initialization import MeanSamples, RealSamples
from hf_distill.parts import concrete
from hf_distill.seeding import Streams
from hf_distill.selection import HerdingSelector, KMeansSelector, MergeReduceSelector, RandomSelector
from hf_distill.selection.base import Selector, select_per_class
from hf_distill.selection.importance import ImportanceSelector

SELECTORS = {cls.__name__: cls for cls in concrete(Selector)}

# Weights that sum to the number of rows on average alone.
DRAWN = (ImportanceSelector, MergeReduceSelector)


@pytest.fixture
def real():
    """Two classes: class 0 at 0..9, class 1 at 100..109 (one number each, twice)."""
    values = [[float(100 * label + i)] * 2 for label in (0, 1) for i in range(10)]
    return RealData.from_dataset(Dataset.from_dict({"v": values, "label": [0] * 10 + [1] * 10})).setup()


@pytest.mark.parametrize("name", SELECTORS)
def test_contract(name):
    features = torch.randn(30, 4, generator=torch.Generator().manual_seed(0))
    selector = SELECTORS[name]().fit(features)
    index, weight = selector.select(7, torch.Generator().manual_seed(1))
    assert index.shape == (7,) and len(set(index.tolist())) == 7 and index.dtype == torch.long
    # Unbiased weights sum to the number of rows on average alone: tests/selection/test_certificates.py.
    assert float(weight.sum()) == pytest.approx(30, rel=1 if isinstance(selector, DRAWN) else 1e-5)
    assert selector.sensitivities_.shape == (30,) and float(selector.sensitivities_.sum()) == pytest.approx(1)
    again, _ = selector.select(7, torch.Generator().manual_seed(1))
    assert torch.equal(index, again)
    with pytest.raises(UserError, match="cannot select 31 of 30"):
        selector.select(31, torch.Generator())
    assert SELECTORS[name](**selector.config()["init_args"]).config() == selector.config()


def test_random_selection_is_uniform():
    selector = RandomSelector().fit(torch.zeros(5, 1))
    generator = torch.Generator().manual_seed(0)
    counts = torch.zeros(5)
    for _ in range(2000):
        counts[selector.select(2, generator)[0]] += 1
    assert (counts / 2000 - 0.4).abs().max() < 0.05


def test_herding_follows_the_mean_greedily():
    features = torch.randn(40, 3, generator=torch.Generator().manual_seed(0))
    chosen, _ = HerdingSelector().fit(features).select(10, torch.Generator())
    expected, total = [], torch.zeros(3)
    for step in range(1, 11):
        distance = ((total + features) / step - features.mean(0)).norm(dim=1)
        distance[expected] = torch.inf
        expected.append(int(distance.argmin()))
        total += features[expected[-1]]
    assert chosen.tolist() == expected


def test_kmeans_takes_one_of_each_cluster():
    centres = torch.tensor([[0.0, 0.0], [50.0, 0.0], [0.0, 50.0]])
    features = torch.cat(
        [
            c + torch.randn(n, 2, generator=torch.Generator().manual_seed(n))
            for c, n in zip(centres, (5, 10, 15), strict=True)
        ]
    )
    index, weight = KMeansSelector(restarts=3).fit(features).select(3, torch.Generator().manual_seed(0))
    cluster = torch.bucketize(index, torch.tensor([5, 15]), right=True)
    assert sorted(cluster.tolist()) == [0, 1, 2]
    assert dict(zip(cluster.tolist(), weight.tolist(), strict=True)) == {0: 5, 1: 10, 2: 15}


def test_kmeans_with_equal_samples_repeats_none():
    index, _ = KMeansSelector().fit(torch.zeros(4, 2)).select(3, torch.Generator())
    assert len(set(index.tolist())) == 3


def test_selection_per_class_is_ordered_by_class(real):
    index, weight = select_per_class(RandomSelector(), real, 3, Streams(0))
    assert real.train.labels[index].tolist() == [0, 0, 0, 1, 1, 1]
    assert weight.tolist() == pytest.approx([10 / 3] * 6)
    with pytest.raises(UserError, match="fewer than the 11"):
        select_per_class(RandomSelector(), real, 11, Streams(0))


def test_real_start_is_real_and_mean_start_is_the_mean(real):
    batch = RealSamples().draw(real, 2, Streams(0))
    x, y = batch.x, batch.y
    values = real.spec.denormalize(x)
    assert y.tolist() == [0, 0, 1, 1]
    assert np.allclose(values, values.round(), atol=1e-3)
    batch = MeanSamples().draw(real, 1, Streams(0))
    x, y = batch.x, batch.y
    assert torch.allclose(real.spec.denormalize(x), torch.tensor([[4.5, 4.5], [104.5, 104.5]]), atol=1e-3)
    x = MeanSamples().draw(real, 5, Streams(0)).x
    # Five groups of two share the class without rest: their mean is the class mean.
    assert float(real.spec.denormalize(x)[:5].mean()) == pytest.approx(4.5, abs=1e-3)
