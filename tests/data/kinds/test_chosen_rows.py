"""A chosen real row is published as its source has it: every number in its own type, every text, every None."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
import torch
from datasets import ClassLabel, Dataset, Features, List, Value, load_dataset

from hf_distill.data import RealData
from hf_distill.hub import DistilledDataset
from hf_distill.methods import Coreset
from hf_distill.methods.method import Run
from hf_distill.synthetic import QuantizedSet

ROWS = 60
INTEGERS = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")


def numbers(dtype, shape, generator):
    """Numbers that single precision does not hold, of all sizes that the type has."""
    if dtype == "bool":
        return generator.integers(0, 2, shape).astype(bool)
    if dtype in INTEGERS:
        limits = np.iinfo(dtype)
        return generator.integers(limits.min, limits.max, shape, dtype=dtype, endpoint=True)
    return (generator.standard_normal(shape) * 10.0 ** generator.integers(-3, 3, shape)).astype(dtype)


def table(seed):
    """A table of random columns: some numbers, a text or two with gaps, a class."""
    generator = np.random.default_rng(seed)
    dtypes = generator.choice([*INTEGERS, "float32", "float64", "bool"], 4)
    features = {f"n{place}": Value(str(dtype)) for place, dtype in enumerate(dtypes)}
    columns = {name: pa.array(numbers(feature.dtype, ROWS, generator)) for name, feature in features.items()}
    columns["city"] = generator.choice(np.array(["Bonn", "Köln ", None], dtype=object), ROWS).tolist()
    columns["grade"] = generator.integers(0, 3, ROWS).tolist()
    columns["label"] = (np.arange(ROWS) % 2).tolist()
    features |= {"city": Value("string"), "grade": ClassLabel(num_classes=3), "label": ClassLabel(num_classes=2)}
    return Dataset.from_dict(columns, Features(features)), [*features][:-1]


def published(source, folder, **options):
    real = RealData.from_dataset(source, label_column="label", **options)
    Coreset(per_class=3).distill(real).save_pretrained(folder)
    return real, load_dataset(str(folder), split="train")


@pytest.mark.parametrize("seed", range(4))
def test_chosen_rows_of_columns_are_rows_of_the_source(seed, tmp_path):
    source, inputs = table(seed)
    _, made = published(source, tmp_path / "set", input_column=inputs)
    assert made.features == source.features
    rows = source.to_list()
    assert len(made) == 6 and all(row in rows for row in made)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "uint64", "uint8"])
@pytest.mark.parametrize("joined", [False, True])
def test_chosen_vectors_are_vectors_of_the_source(dtype, joined, tmp_path):
    values = numbers(dtype, (ROWS, 3), np.random.default_rng(0))
    label = {"label": (np.arange(ROWS) % 2).tolist()}
    if joined:
        columns = {name: pa.array(values[:, place]) for place, name in enumerate("abc")} | label
        features = {name: Value(dtype) for name in "abc"} | {"label": ClassLabel(num_classes=2)}
    else:
        columns, features = {"x": list(values)} | label, {"x": List(Value(dtype)), "label": ClassLabel(num_classes=2)}
    real, made = published(Dataset.from_dict(columns, Features(features)), tmp_path / "set")
    assert all(row in values.tolist() for row in made[real.spec.input_column][:])
    again = DistilledDataset.from_pretrained(tmp_path / "set")
    assert torch.allclose(again.x, again.exact().x, atol=1e-6), "what is published is what the codes hold"


def test_what_is_learned_or_rounded_is_published_as_it_is():
    source, inputs = table(0)
    real = RealData.from_dataset(source, label_column="label", input_column=inputs)
    synthetic = Coreset(per_class=3).fit(real, Run())
    assert synthetic.stored(synthetic().x).shape == (6, len(inputs))
    with torch.no_grad():
        synthetic.pixels[0, 0] += 1
    assert synthetic.stored(synthetic().x) is None
    quantized = QuantizedSet(synthetic=Coreset(per_class=3).fit(real, Run()))
    quantized.calibrate()
    assert quantized.stored(quantized().x) is None, "rounded values are not the source's"


@pytest.mark.parametrize("dtype", ["float64", "int64", "uint64"])
def test_the_values_of_chosen_rows_are_those_of_the_source(dtype, tmp_path):
    generator = np.random.default_rng(0)
    columns = {name: pa.array(numbers(dtype, ROWS, generator)) for name in "xyz"}
    source = Dataset.from_dict(columns, Features({name: Value(dtype) for name in "xyz"}))
    real = RealData.from_dataset(source, input_column="x", label_column=["y", "z"], target="values")
    made = Coreset(per_class=5).distill(real)
    made.save_pretrained(tmp_path / "set")
    published = load_dataset(str(tmp_path / "set"), split="train")
    rows = [[row["y"], row["z"]] for row in source]
    assert all([row["y"], row["z"]] in rows for row in published)
    assert torch.allclose(DistilledDataset.from_pretrained(tmp_path / "set").y, made.y, atol=1e-6)
