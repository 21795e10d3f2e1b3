"""Streams that are sorted by class, as most are: classes and statistics are those of the whole."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch
from datasets import ClassLabel, Dataset, Features, Image, List, Value

from hf_distill.data import RealData
from hf_distill.data import reader as reader_module
from hf_distill.data.statistics import Statistics
from hf_distill.errors import UserError
from tests.data.test_images import encoded


def sorted_rows(label: object, names: list, rows: int = 60, far: float = 50.0) -> Dataset:
    numbers = np.random.default_rng(0)
    classes = np.sort(numbers.integers(0, len(names), rows))
    values = numbers.normal(size=(rows, 3)) + far * classes[:, None]
    features = Features({"x": List(Value("float64")), "label": label})
    return Dataset.from_dict({"x": values.tolist(), "label": [names[i] for i in classes]}, features=features)


@pytest.mark.parametrize(
    ("label", "names"),
    [(ClassLabel(names=["u", "v", "w"]), [0, 1, 2]), (Value("string"), ["u", "v", "w"]), (Value("int64"), [3, 5, 70])],
)
@pytest.mark.parametrize("far", [0.0, 50.0, 1e8])
def test_a_sorted_stream_is_the_table(label, names, far):
    table = sorted_rows(label, names, far=far)
    whole, stream = (RealData.from_dataset(one).setup() for one in (table, table.to_iterable_dataset()))
    assert stream.spec.classes == whole.spec.classes and stream.spec.label_values == whole.spec.label_values
    assert stream.spec.class_counts == whole.spec.class_counts and stream.spec.num_rows == len(table)
    assert stream.spec.mean == whole.spec.mean and stream.spec.std == whole.spec.std
    drawn = stream.sample([2, 0], 5, torch.Generator())
    expected = [whole.train.class_index(place)[:5] for place in (2, 0)]
    assert torch.equal(drawn.x, whole.train.batch(torch.cat(expected)).x)


def test_statistics_of_a_long_stream_are_those_of_rows_at_random(monkeypatch, tmp_path):
    monkeypatch.setattr(reader_module, "_STATISTICS_ROWS", 40)
    decoded = []
    original = Statistics.add
    monkeypatch.setattr(Statistics, "add", lambda own, part: decoded.append(len(part)) or original(own, part))
    table = sorted_rows(ClassLabel(names=["u", "v"]), [0, 1], rows=400)
    table.to_parquet(tmp_path / "train.parquet")
    (tmp_path / "README.md").write_text(
        "---\nconfigs:\n- config_name: default\n  data_files: train.parquet\ndataset_info:\n  features:\n"
        "  - name: x\n    list: float64\n  - name: label\n    dtype:\n      class_label:\n        names:\n"
        "          '0': u\n          '1': v\n  splits:\n  - name: train\n    num_examples: 400\n---\n"
    )
    spec = RealData(path=str(tmp_path), streaming=True).setup().spec
    assert sum(decoded) == 40 and sum(spec.class_counts) == 400
    values = np.asarray(table["x"][:])
    assert np.abs(np.asarray(spec.mean) - values.mean(0)).max() < 4 * values.std() / 40**0.5


@pytest.mark.parametrize("seed", range(4))
def test_a_late_colour_image_makes_a_stream_of_colours(seed):
    choice, numbers = random.Random(seed), np.random.default_rng(seed)
    modes = ["L"] * 12
    modes[choice.randrange(1, 12)] = "RGB"
    features = Features({"image": Image(), "label": ClassLabel(names=["a", "b"])})
    images = [encoded(mode, numbers) for mode in modes]
    table = Dataset.from_dict({"image": images, "label": [i // 6 for i in range(12)]}, features=features)
    whole, stream = (RealData.from_dataset(one).setup() for one in (table, table.to_iterable_dataset()))
    assert stream.spec.shape[0] == 3 and stream.spec.mean == whole.spec.mean and stream.spec.std == whole.spec.std
    deep = table.map(lambda row, i: {"image": encoded("I;16", np.random.default_rng(i))}, with_indices=True)
    whole, stream = (RealData.from_dataset(one).setup() for one in (deep, deep.to_iterable_dataset()))
    assert stream.spec.scale == whole.spec.scale and stream.spec.mean == whole.spec.mean


def test_a_small_class_repeats_after_one_reading(monkeypatch):
    table = sorted_rows(Value("string"), ["u"], rows=50)
    table = Dataset.from_list([*table, {"x": [9.0] * 3, "label": "rare"}], features=table.features)
    stream = RealData.from_dataset(table.to_iterable_dataset(), buffer=8).setup()
    reads = []
    fill = type(stream._stream)._fill
    monkeypatch.setattr(type(stream._stream), "_fill", lambda self, limit: reads.append(limit) or fill(self, limit))
    drawn = stream.sample([0], 256, torch.Generator())
    assert len(drawn) == 256 and len(drawn.x.unique(dim=0)) == 1 and len(reads) <= 3


def test_a_row_of_a_stream_is_named_before_any_work():
    table = sorted_rows(Value("string"), ["u", "v"])
    rows = table.to_list()
    rows[57]["x"] = [1.0, float("nan"), 2.0]
    with pytest.raises(UserError, match="row 57 holds nan in column 'x'"):
        RealData.from_dataset(Dataset.from_list(rows).to_iterable_dataset()).setup()
