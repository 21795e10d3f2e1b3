"""The feature spaces, and what chooses in them."""

import pytest
import torch
from datasets import Dataset

from hf_distill.data.real import RealData
from hf_distill.errors import UserError
from hf_distill.features import Extractor, NetworkFeatures, PcaFeatures, PixelFeatures
from hf_distill.features.row_scores import RowScores
from hf_distill.initialization import RealSamples
from hf_distill.methods import Coreset, Run
from hf_distill.networks import MLP
from hf_distill.parts import concrete
from hf_distill.seeding import Streams
from hf_distill.selection import CellSelector, HerdingSelector, RandomSelector
from hf_distill.selection.base import select_per_class
from hf_distill.selection.cells import Cells


@pytest.fixture
def real():
    """Two classes of 30 vectors with 6 entries, of which the first varies by far the most."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(60, 6, generator=generator) * torch.tensor([50.0, 1, 1, 1, 1, 1])
    labels = [0] * 30 + [1] * 30
    x[30:, 1] += 8
    return RealData.from_dataset(Dataset.from_dict({"v": x.tolist(), "label": labels})).setup()


def rows(real):
    return torch.arange(len(real.train))


def test_pixels_are_the_samples(real):
    features = PixelFeatures().fit(real)
    assert torch.equal(features.rows(real.train, rows(real)), real.train.batch(rows(real)).x.flatten(1))
    assert torch.equal(features.of(real.train.batch(rows(real)).x), features.rows(real.train, rows(real)))


def test_pca_keeps_the_variance_that_it_can(real):
    x = PixelFeatures().fit(real).rows(real.train, rows(real))
    centred = x - x.mean(0)
    for count in (1, 3, 6):
        features = PcaFeatures(components=count).fit(real)
        found = features.rows(real.train, rows(real))
        kept = torch.linalg.svdvals(centred)[:count].square().sum()
        assert found.shape == (60, count) and float(found.square().sum()) == pytest.approx(float(kept), rel=1e-4)
        assert features.about["explained"] == pytest.approx(float(kept / centred.square().sum()), abs=1e-3)
    # all directions: distances are those of pixels
    assert torch.allclose(torch.pdist(found), torch.pdist(x), rtol=1e-3)
    white = PcaFeatures(components=3, whiten=True).fit(real).rows(real.train, rows(real))
    assert torch.allclose(white.T @ white / 59, torch.eye(3), atol=1e-2)


def test_a_network_is_trained_once(real, monkeypatch):
    from hf_distill.features import trained

    calls = []
    train = trained.train_networks
    monkeypatch.setattr(trained, "train_networks", lambda *a, **k: calls.append(1) or train(*a, **k))
    one, two = (NetworkFeatures(network=MLP(width=8), steps=20).fit(real) for _ in range(2))
    assert len(calls) == 1
    assert torch.equal(one.rows(real.train, rows(real)), two.rows(real.train, rows(real)))
    NetworkFeatures(network=MLP(width=8), steps=20, seed=1).fit(real)
    NetworkFeatures(network=MLP(width=8), steps=0).fit(real)
    assert len(calls) == 2


def test_features_of_a_network_tell_the_classes_apart(real):
    features = NetworkFeatures(network=MLP(width=32), steps=200).fit(real)
    x = features.rows(real.train, rows(real))
    means = torch.stack([x[:30].mean(0), x[30:].mean(0)])
    labels = torch.cdist(x, means).argmin(1)
    assert (labels == real.train.labels).float().mean() > 0.95


def test_a_selector_chooses_in_its_space(real):
    extractor = PcaFeatures(components=1)
    index, _ = select_per_class(HerdingSelector(), real, 4, Streams(0), extractor)
    space = extractor.fit(real)
    for label in (0, 1):
        own = real.train.class_index(label)
        chosen, _ = HerdingSelector().fit(space.rows(real.train, own)).select(4, torch.Generator())
        assert torch.equal(index[real.train.labels[index] == label], own[chosen])
    pixels, _ = select_per_class(HerdingSelector(), real, 4, Streams(0))
    assert not torch.equal(pixels, index)


def test_starts_and_coresets_choose_in_a_space(real):
    selector, extractor = HerdingSelector(), PcaFeatures(components=1)
    index, _ = select_per_class(selector, real, 3, Streams(0), extractor)
    expected = real.train.batch(index).x
    assert torch.equal(RealSamples(selector=selector, features=extractor).draw(real, 3, Streams(0)).x, expected)
    torch.testing.assert_close(
        Coreset(selector=selector, features=extractor, per_class=3).fit(real, Run())().x, expected
    )


def test_random_selection_makes_no_features(real):
    class Never(Extractor):
        def fit(self, real, **options):
            raise AssertionError

    select_per_class(RandomSelector(), real, 3, Streams(0), Never())


def test_cells_of_a_selector_are_those_of_the_objective_in_any_space(real):
    extractor = PcaFeatures(components=2)
    batch = RealSamples(selector=CellSelector(cell_size=2), features=extractor).draw(real, 6, Streams(0))
    cells = Cells.of(real, [6, 6], 2, extractor)
    assert cells.centres.shape == (6, 2)
    assert cells.assign(batch.x, batch.y).tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5]


# Of images, of sounds, and of whole rows: in files of their own.
OTHERS = ("PretrainedFeatures", "MelFeatures", "ColumnFeatures", "EncoderFeatures", "HashedTextFeatures")


@pytest.mark.parametrize("cls", [cls for cls in concrete(Extractor) if cls.__name__ not in OTHERS])
def test_contract(cls, real):
    extractor = cls()
    features = extractor.fit(real, network=MLP(width=4))
    found = features.rows(real.train, torch.tensor([5, 40]))
    assert found.ndim == 2 and len(found) == 2 and not found.requires_grad
    samples = real.train.batch(torch.tensor([5, 40])).x
    if isinstance(features, RowScores):
        with pytest.raises(UserError, match="scores of training rows"):
            features.of(samples)
    else:
        assert torch.allclose(found, features.of(samples), atol=1e-5)
    assert cls(**{k: getattr(extractor, k) for k in extractor.config()["init_args"]}).config() == extractor.config()
