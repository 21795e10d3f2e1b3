import numpy as np
import pytest
import torch
from datasets import Dataset

from hf_distill.data.real import RealData
from hf_distill.errors import UserError
from hf_distill.initialization import RealSamples
from hf_distill.seeding import Streams
from hf_distill.selection import CellSelector
from hf_distill.selection.cells import Cells, divide, shares

CENTRES = torch.tensor([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]])


def clouds(sizes: tuple[int, ...] = (50, 30, 4)) -> torch.Tensor:
    """Points about :data:`CENTRES`, so far apart that only one division is right."""
    noise = torch.randn(sum(sizes), 2, generator=torch.Generator().manual_seed(0)) * 0.1
    return CENTRES.repeat_interleave(torch.tensor(sizes), 0) + noise


@pytest.fixture
def real():
    """Class 0 with the three clouds, class 1 with one of equal points."""
    values = torch.cat((clouds(), torch.full((6, 2), 50.0)))
    labels = [0] * 84 + [1] * 6
    return RealData.from_dataset(Dataset.from_dict({"v": values.tolist(), "label": labels})).setup()


def test_cells_are_what_is_apart():
    centres, labels = divide(clouds(), 3)
    assert sorted(torch.bincount(labels).tolist()) == [4, 30, 50]
    assert torch.cdist(CENTRES, centres).min(1).values.max() < 0.2
    assert torch.equal(labels, torch.cdist(clouds(), centres).argmin(1))


def test_no_cell_is_empty():
    assert divide(torch.ones(5, 2), 3)[0].shape == (1, 2)
    centres, labels = divide(torch.tensor([[0.0], [0.0], [1.0]]), 3)
    assert sorted(centres.flatten().tolist()) == [0, 1] and len(labels.unique()) == 2


def test_samples_come_from_all_cells_alike():
    index, weight = CellSelector(cell_size=2).fit(clouds()).select(6, torch.Generator().manual_seed(0))
    _, labels = divide(clouds(), 3)
    assert torch.bincount(labels[index]).tolist() == [2, 2, 2]
    # each of two stands for half of its cloud
    assert sorted(set(weight.tolist())) == pytest.approx([2, 15, 25])


def test_the_closest_to_a_centre_are_found():
    index, _ = CellSelector(cell_size=2, pick="closest").fit(clouds()).select(6, torch.Generator())
    centres, labels = divide(clouds(), 3)
    for cell in range(3):
        own = torch.nonzero(labels == cell)[:, 0]
        nearest = own[(clouds()[own] - centres[cell]).norm(dim=1).argsort()[:2]]
        assert set(index[2 * cell : 2 * cell + 2].tolist()) == set(nearest.tolist())


def test_a_cell_with_too_few_samples_leaves_its_places_to_others():
    index, weight = CellSelector(cell_size=20).fit(clouds()).select(60, torch.Generator().manual_seed(0))
    assert len(set(index.tolist())) == 60 and float(weight.sum()) == pytest.approx(84)
    assert sorted(torch.bincount(divide(clouds(), 3)[1][index]).tolist())[0] == 4


def test_cells_of_all_classes(real):
    cells = Cells.of(real, [6, 3], 2)
    assert cells.classes == [0, 0, 0, 1]  # the points of class 1 are equal
    assert sorted(np.concatenate(cells.rows).tolist()) == list(range(90))
    assert Cells.of(real, [6, 0], 6).classes == [0]
    with pytest.raises(UserError, match="cell_size is 0"):
        Cells.of(real, [6, 3], 0)


def test_drawn_samples_are_assigned_to_their_own_cells(real):
    batch = RealSamples(selector=CellSelector(cell_size=2)).draw(real, 6, Streams(0))
    x, y = batch.x, batch.y
    member = Cells.of(real, [6, 6], 2).assign(x, y)
    assert member[:6].tolist() == [0, 0, 1, 1, 2, 2] and set(member[6:].tolist()) == {3}


def test_assignment_fills_every_cell_with_the_closest(real):
    cells = Cells.of(real, [4, 0], 1)
    first = int(torch.cdist(cells.centres, torch.cat((cells.centres[:1],))).argmin())
    x = cells.centres[[first] * 2 + [1]] + torch.tensor([[0.01], [0.0], [0.0]])
    member = cells.assign(x, torch.zeros(3, dtype=torch.int64))
    # the first cell takes the sample that is in its centre; the other one goes where there is room
    assert member[1] == first and sorted(member.tolist()) == [0, 1, 2]


def test_shares():
    assert shares(10, 3) == [4, 3, 3] and shares(2, 3) == [1, 1, 0]


def test_a_stream_has_no_cells(tmp_path):
    Dataset.from_dict({"v": [[0.0], [1.0]], "label": [0, 1]}).to_parquet(tmp_path / "a.parquet")
    streamed = RealData(path=str(tmp_path / "a.parquet"), streaming=True, test_split=None).setup()
    with pytest.raises(UserError, match="random access"):
        Cells.of(streamed, [1, 1], 1)


def test_a_selector_s_weights_come_along_where_they_are_wanted(real):
    selector = CellSelector(cell_size=2)
    assert RealSamples(selector=selector).draw(real, 6, Streams(0)).w.tolist() == [1] * 12
    w = RealSamples(selector=selector, weighted=True).draw(real, 6, Streams(0)).w
    # Two stand for each cloud of 50, 30 and 4, six for the six of class 1: 90 rows by 12 samples, 7.5 each on average.
    assert sorted(w.tolist()) == pytest.approx(sorted([25 / 7.5] * 2 + [15 / 7.5] * 2 + [2 / 7.5] * 2 + [1 / 7.5] * 6))
    assert float(w.mean()) == pytest.approx(1)
