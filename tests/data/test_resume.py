"""A run goes on only with the rows that it began with."""

from __future__ import annotations

import numpy as np
import pytest
from datasets import ClassLabel, Dataset, DatasetDict, Features, List, Value

from hf_distill import MLP, DistributionMatching, FreshNetworks, OptimizedDistillation, RealSamples, VectorSet
from hf_distill.data import RealData, SeriesData
from hf_distill.errors import UserError
from hf_distill.methods.method import Run
from tests.data.series import SMALL, columns


def save(path, seed: int, kind: str) -> None:
    numbers = np.random.default_rng(seed).normal(size=(20, 3))
    features = Features({"x": List(Value("float32")), "label": ClassLabel(names=["a", "b"])})
    table = Dataset.from_dict({"x": numbers.tolist(), "label": [0, 1] * 10}, features=features)
    if kind == "saved":
        DatasetDict(train=table).save_to_disk(path)
    else:
        table.to_json(path)


@pytest.mark.parametrize(("kind", "streaming"), [("saved", False), ("json", False), ("json", True)])
def test_other_rows_at_the_same_place_are_refused(tmp_path, kind, streaming):
    path = tmp_path / ("set" if kind == "saved" else "set.jsonl")
    save(path, 0, kind)
    state = RealData(path=str(path), streaming=streaming).setup().state_dict()
    RealData(path=str(path), streaming=streaming).setup().load_state_dict(state)
    save(path, 1, kind)
    changed = RealData(path=str(path), streaming=streaming).setup()
    with pytest.raises(
        UserError, match=r"the rows of .*set.* are not those that the run began with .*--overwrite=true"
    ):
        changed.load_state_dict(state)


def test_a_series_is_told_from_another(tmp_path):
    Dataset.from_dict(columns()).to_csv(tmp_path / "s.csv")
    state = SeriesData(path=str(tmp_path / "s.csv"), **SMALL).setup().state_dict()
    Dataset.from_dict(columns(41)).to_csv(tmp_path / "s.csv")
    with pytest.raises(UserError, match="are not those that the run began with"):
        SeriesData(path=str(tmp_path / "s.csv"), **SMALL).setup().load_state_dict(state)


def test_a_run_says_so(tmp_path):
    method = OptimizedDistillation(
        synthetic=VectorSet(per_class=1),
        initial=RealSamples(),
        objective=DistributionMatching(pool=FreshNetworks(network=MLP(width=8)), augment=None, real_per_class=4),
        steps=4,
        checkpoint_every=2,
    )
    save(tmp_path / "set", 0, "saved")
    real = RealData(path=str(tmp_path / "set"))
    method.distill(real, Run(folder=tmp_path / "run", progress=False))
    save(tmp_path / "set", 1, "saved")
    with pytest.raises(UserError, match="are not those that the run began with"):
        method.distill(RealData(path=str(tmp_path / "set")), Run(folder=tmp_path / "run", resume=True, progress=False))
