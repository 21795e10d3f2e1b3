from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from datasets import Features, Value

from hf_distill.data.png import decode_png, encode_png
from hf_distill.errors import UserError
from hf_distill.hub import DistilledDataset, tables
from hf_distill.hub.exact import exact_columns
from hf_distill.large import spans
from hf_distill.synthetic.base import Packed
from tests.hub.conftest import image_spec, make, vector_spec


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_png_is_lossless(channels: int) -> None:
    image = np.random.default_rng(0).integers(0, 256, (channels, 5, 7), dtype=np.uint8)
    np.testing.assert_array_equal(decode_png(encode_png(image), image.shape), image)


def test_two_channels_are_refused() -> None:
    with pytest.raises(UserError, match="images with 2 channels"):
        encode_png(np.zeros((2, 4, 4), np.uint8))


@pytest.mark.parametrize("dtype", ["float32", "float64", "int16", "uint8"])
def test_vectors_keep_type_values_and_labels(dtype: str, tmp_path: Path) -> None:
    spec = vector_spec(dtype)
    stored = (np.arange(10).reshape(2, 5) * 7 / 3).astype(dtype)
    dataset = tables.to_dataset(spec, stored, torch.tensor([1, 0]))
    assert dataset.column_names == ["label", "features"], "the source's order"
    assert dataset["label"][:] == ["yes", "no"]
    tables.write_parquet([dataset], tmp_path / "t.parquet")
    again, y = tables.from_table(pq.read_table(tmp_path / "t.parquet"), spec)
    assert again.dtype == dtype
    np.testing.assert_array_equal(again, stored)
    assert y.tolist() == [1, 0]


@pytest.mark.parametrize(("dtype", "values"), [("int64", (3, 7)), ("bool", (False, True)), ("float32", (0.5, 1.5))])
def test_value_labels_are_the_sources_own(dtype: str, values: tuple) -> None:
    spec = vector_spec()
    features = {**Features.from_dict(spec.features), "label": Value(dtype)}
    spec = replace(spec, label_values=values, features=Features(features).to_dict())
    dataset = tables.to_dataset(spec, np.zeros((2, 5), np.float32), torch.tensor([1, 0]))
    assert dataset["label"][:] == [values[1], values[0]]
    assert tables.from_table(dataset.data.table, spec)[1].tolist() == [1, 0]


def test_equal_content_gives_equal_bytes(tmp_path: Path) -> None:
    spec = image_spec()
    stored = np.random.default_rng(0).integers(0, 256, (3, *spec.shape), dtype=np.uint8)
    for name in ("one", "two"):
        tables.write_parquet([tables.to_dataset(spec, stored, torch.arange(3))], tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_a_table_that_comes_some_rows_at_a_time_has_the_same_bytes(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(tables, "GROUP", 2)
    spec = image_spec()
    stored = np.random.default_rng(0).integers(0, 256, (5, *spec.shape), dtype=np.uint8)
    y = torch.arange(5) % 3
    parts = [tables.to_dataset(spec, stored[rows], y[rows]) for rows in spans(5, 2)]
    whole = tables.write_parquet([tables.to_dataset(spec, stored, y)], tmp_path / "whole")
    features, count, _ = tables.write_parquet(parts, tmp_path / "parts")
    assert (tmp_path / "whole").read_bytes() == (tmp_path / "parts").read_bytes()
    assert (features, count) == whole[:2] and count == 5


def test_codes_follow_their_layout() -> None:
    big = np.array([[1.5, -2.0]], ">f4")
    bits = np.array([[1, 2, 3]], np.uint8)
    packed = Packed(
        {"scale": [big[0].tobytes()], "code": [bits[0].tobytes()], "level": [3], "weight": [0.5], "name": ["a"]},
        {"columns": {"scale": {"dtype": ">f4", "shape": [1, 2]}}},
    )
    tensors = exact_columns(packed)
    assert tensors["scale"].tolist() == [[[1.5, -2.0]]]
    assert tensors["code"].dtype == torch.uint8 and tensors["code"].tolist() == [[1, 2, 3]]
    assert tensors["level"].tolist() == [3] and tensors["weight"].tolist() == [0.5]
    assert "name" not in tensors
    features = next(tables.codes_tables(packed)).features
    assert {name: feature.dtype for name, feature in features.items()} == {
        "scale": "binary",
        "code": "binary",
        "level": "int64",
        "weight": "float64",
        "name": "string",
    }


def test_columns_on_the_making_of_samples_read_back(tmp_path: Path) -> None:
    spec = image_spec()
    made = make(spec)
    more = {
        "path": [[[1, 2], [3]]] * 6,
        "note": ["a", None, "b", "c", "d", "e"],
        "weight": [0.5, None, 1.0, 1.0, 1.0, 1.0],
    }
    packed = Packed({**made.packed.columns, **more}, made.packed.meta)
    dataset = DistilledDataset(spec, made.x, made.y, packed, made.bits["codes"], seed=-1)
    folder = dataset.save_pretrained(tmp_path / "set")
    assert DistilledDataset.from_pretrained(folder).packed == packed
