"""What every kind of initial samples must do."""

from __future__ import annotations

import pytest
import torch
from datasets import Dataset

from hf_distill.data import RealData
from hf_distill.experts import ExpertStore, ExpertTraining
from hf_distill.initialization import InitialSamples
from hf_distill.networks import MLP, ConvNet
from hf_distill.networks.forecasters import DLinear
from hf_distill.parts import concrete
from hf_distill.seeding import Streams
from hf_distill.selection import CellSelector
from hf_distill.training import ForecastRecipe, Recipe, Teacher
from tests.evaluation.sets import table
from tests.objectives.sets import small_series
from tests.texts import small_texts

INITIAL = {cls.__name__: cls for cls in concrete(InitialSamples)}
EXPERTS = ExpertTraining(network=MLP(width=4, depth=1), count=1, recipe=Recipe(epochs=1))
ARGUMENTS = {
    "CutSamples": {"teacher": Teacher(network=ConvNet(width=4, depth=1), recipe=Recipe(epochs=1)), "candidates": 4},
    "ExpertSamples": {"folder": ".", "experts": EXPERTS},
    "GraphCutSamples": {"network": MLP(width=4, depth=1), "candidates": 12},
    "KeywordSamples": {"words": 1},
    "RealSamples": {"selector": CellSelector(cell_size=2), "weighted": True},
    "RelabeledSamples": {"network": MLP(width=4, depth=1), "teachers": 1, "recipe": Recipe(epochs=1)},
    "TrainedPiece": {"networks": [DLinear(kernel=3)], "candidates": 3, "recipe": ForecastRecipe(steps=2, epochs=0)},
}
OF_SERIES = ("SubSeries", "TrainedPiece")

OF_TEXTS = ("KeywordSamples",)

OF_IMAGES = ("CutSamples",)


@pytest.mark.parametrize("name", INITIAL)
def test_contract(name, tmp_path):
    arguments = ARGUMENTS.get(name, {})
    part, streams = (
        INITIAL[name](**arguments | ({"folder": str(tmp_path)} if "folder" in arguments else {})),
        Streams(0),
    )
    before = part.config()
    if name in OF_SERIES:
        real, size, shape = small_series(), 12, (12, 2)
    elif name in OF_TEXTS:
        real, size, shape = small_texts(), 2, (4, 12)
    elif name in OF_IMAGES:
        real, size, shape = RealData.from_dataset(table(30, 0)).setup(), 4, (12, 1, 8, 8)
    else:
        x = torch.randn(40, 3, generator=torch.Generator().manual_seed(0))
        real = RealData.from_dataset(Dataset.from_dict({"x": x.tolist(), "label": [0, 1] * 20})).setup()
        size, shape = 4, (8, 3)
    if name == "ExpertSamples":
        store = ExpertStore.begin(tmp_path, EXPERTS.describe(real), resume=False, overwrite=False)
        EXPERTS.train(real, store, progress=False)
    batch, again = part.draw(real, size, streams), part.draw(real, size, streams)
    assert batch.x.shape == shape and batch.x.isfinite().all() and len(batch.y) == len(batch.w) == len(batch.x)
    assert batch.w.mean().item() == pytest.approx(1, abs=1e-5) and (batch.w > 0).all()
    if name in OF_SERIES:
        assert batch.y.tolist() == list(range(size))
    elif name not in ("ExpertSamples", "RelabeledSamples"):  # whose labels are a teacher's
        assert batch.y.tolist() == torch.arange(len(batch.y) // size).repeat_interleave(size).tolist()
    # The same streams give the same samples, and leave the part as it was.
    assert torch.equal(batch.x, again.x) and torch.equal(batch.w, again.w) and part.config() == before
