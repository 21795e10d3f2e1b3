"""Weights and learned labels through methods: kept, resumed and the same on every rank."""

import pytest
import torch
from datasets import Dataset

from hf_distill.data import RealData
from hf_distill.hub import DistilledDataset
from hf_distill.initialization import RealSamples
from hf_distill.labels import DenseLabels, FixedWeights, LearnedWeights
from hf_distill.methods import Coreset, OptimizedDistillation, Run, Undistilled
from hf_distill.networks import MLP
from hf_distill.objectives import TrajectoryMatching
from hf_distill.pools import FreshNetworks
from hf_distill.selection import CellSelector, RandomSelector
from hf_distill.synthetic import VectorSet


@pytest.fixture(scope="module")
def clouds():
    """Class 0 with a cloud of 12 points and one of 4, class 1 with one of 8."""
    centres = torch.tensor([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]]).repeat_interleave(torch.tensor([12, 4, 8]), 0)
    values = centres + 0.1 * torch.randn(24, 2, generator=torch.Generator().manual_seed(0))
    rows = {"v": values.tolist(), "label": [0] * 16 + [1] * 8}
    return RealData.from_dataset(Dataset.from_dict(rows)).setup()


def test_a_coreset_says_how_many_rows_a_sample_stands_for(clouds, tmp_path):
    selector = CellSelector(cell_size=1)
    made = Coreset(selector=selector, per_class=2, weighted=True).distill(clouds)
    # 12 and 4 of class 0; the one cloud of class 1 is divided somehow; 24 rows by 4 samples are 6 each on average.
    assert sorted(made.w[:2].tolist()) == pytest.approx([4 / 6, 12 / 6])
    assert float(made.w[2:].sum()) == pytest.approx(8 / 6) and made.bits["default"].side == 4 * 32
    made.save_pretrained(tmp_path / "set")
    assert torch.equal(DistilledDataset.from_pretrained(tmp_path / "set").batch().w, made.w)
    plain = Coreset(selector=selector, per_class=2).distill(clouds)
    assert plain.w.tolist() == [1] * 4 and torch.equal(plain.x, made.x)
    # Equal weights of a class are no weights where the classes are alike, and none are stored.
    half = RealData.from_dataset(Dataset.from_dict({"v": [[0.0], [1.0], [2.0], [3.0]], "label": [0, 0, 1, 1]}))
    equal = Coreset(selector=RandomSelector(), per_class=1, weighted=True).distill(half)
    assert equal.w.tolist() == [1, 1] and "weights" not in equal.packed.meta


def test_initial_samples_bring_their_weights_into_a_set_that_stores_them(clouds):
    initial = RealSamples(selector=CellSelector(cell_size=1), weighted=True)
    stored = Undistilled(synthetic=VectorSet(per_class=2, weights=FixedWeights()), initial=initial).fit(clouds, Run())
    assert sorted(stored().w[:2].tolist()) == pytest.approx([4 / 6, 12 / 6])
    assert Undistilled(synthetic=VectorSet(per_class=2), initial=initial).fit(clouds, Run())().w.tolist() == [1] * 4


def method(steps):
    return OptimizedDistillation(
        synthetic=VectorSet(per_class=2, labels=DenseLabels(lr=0.5), weights=LearnedWeights()),
        objective=TrajectoryMatching(pool=FreshNetworks(network=MLP(width=4, depth=1)), real_batch=8, lr_lr=0.1),
        steps=steps,
        optimizer="adam",
        lr=0.1,
        checkpoint_every=2,
    )


def test_a_resumed_run_goes_on_with_labels_and_weights(clouds, tmp_path):
    whole, resumed = Run(tmp_path / "a", progress=False), Run(tmp_path / "b", progress=False, resume=True)
    first = method(4).fit(clouds, whole)
    method(4).fit(clouds, Run(tmp_path / "b", progress=False))
    (tmp_path / "b" / "checkpoints" / "step-00000004.pt").unlink()
    second = method(4).fit(clouds, resumed)
    for name, values in first.state_dict().items():
        assert torch.equal(values, second.state_dict()[name]), name
    assert {"pixels", "labels.values", "weights.w"} == set(first.state_dict())
    assert whole.notes.recipe == resumed.notes.recipe and resumed.notes.timing["resumed_after"] == 2
