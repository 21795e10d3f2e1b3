"""Numbers of any size and any place keep what they differ by."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from datasets import Array2D, ClassLabel, Dataset, Features, List, Value

from hf_distill.data import DataSpec, RealData

ROWS = 300


def table(values: np.ndarray, dtype: str = "float64", feature: object = None) -> Dataset:
    features = Features({"x": feature or List(Value(dtype)), "label": ClassLabel(names=["a", "b"])})
    return Dataset.from_dict({"x": values.tolist(), "label": [i % 2 for i in range(len(values))]}, features=features)


def check(values: np.ndarray, source: Dataset, digits: float = 1e-5) -> None:
    """Compare statistics, inputs and published values with those in double precision."""
    for storage in ("memory", "arrow"):
        real = RealData.from_dataset(source, storage=storage).setup()
        mean, std = values[0] + (values - values[0]).mean(0), (values - values[0]).std(0)
        assert np.abs(np.asarray(real.spec.mean) - mean).max() <= digits * std.max()
        assert np.asarray(real.spec.std) == pytest.approx(std, rel=digits)
        index = torch.arange(len(values))
        inputs = real.train.batch(index).x
        assert inputs.dtype == torch.float32
        assert np.abs(inputs.double().numpy() - (values - mean) / std).max() < 100 * digits
        spec = DataSpec.from_dict(real.spec.to_dict())
        assert np.abs(spec.denormalize(inputs).double().numpy() - values).max() <= 100 * digits * std.max()


@pytest.mark.parametrize("size", [1e-12, 1e-9, 1e-6, 1.0, 1e6, 1e12])
@pytest.mark.parametrize("place", [0.0, 1.0, 1e4, -1e8])
def test_reals(size, place):
    values = np.random.default_rng(0).normal(size=(ROWS, 4)) * size + place * size
    check(values, table(values))
    rounded = values.astype(np.float32).astype(np.float64)
    if abs(place) < 1e8:
        check(rounded, table(rounded, "float32"))


def test_columns_of_different_places():
    values = np.random.default_rng(0).normal(size=(ROWS, 4)) * [1e-9, 1.0, 1e3, 1.0] + [0.0, 1e9, 0.0, -7.0]
    check(values, table(values))


@pytest.mark.parametrize("dtype", ["int32", "int64", "uint32", "uint64"])
def test_whole_numbers_far_from_zero(dtype):
    place = {"int32": -(2**31) + 5000, "int64": -(2**42), "uint32": 2**32 - 5000, "uint64": 2**42}[dtype]
    values = np.random.default_rng(0).integers(-1000, 1000, (ROWS, 3)) + place
    source = table(values, dtype)
    check(values.astype(np.float64), source)
    spec = RealData.from_dataset(source).setup().spec
    stored = spec.denormalize(torch.full((1, 3), 1e30)).numpy().astype(spec.value_dtype)
    assert (stored.astype(np.float64) > 0.99 * np.iinfo(dtype).max).all()  # clipped, not wrapped around


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("value", [0.1, -3e8, 1e-7])
def test_a_constant_is_judged_by_its_own_size(dtype, value):
    column = np.full(ROWS, value, dtype)
    flicker = column.copy()
    flicker[::3] = np.nextafter(flicker[::3], np.inf, dtype=dtype)
    values = np.stack([column, flicker, np.linspace(0, value * 1e-3, ROWS)], 1).astype(np.float64)
    spec = RealData.from_dataset(table(values, dtype)).setup().spec
    assert spec.std[:2] == (1.0, 1.0) and spec.std[2] == pytest.approx(values[:, 2].std(), rel=1e-4)
    assert spec.mean[:2] == pytest.approx((value, value))


@pytest.mark.parametrize(
    ("feature", "shape"),
    [
        (List(List(Value("float64"))), (4, 3)),
        (List(List(List(Value("float32")))), (2, 2, 3)),
        (Array2D((4, 3), "float32"), (4, 3)),
        (List(Value("bool")), (12,)),
        (List(Value("int8"), length=12), (12,)),
    ],
)
def test_arrays_of_any_depth_are_vectors(feature, shape):
    numbers = np.random.default_rng(0).normal(size=(ROWS, *shape)) * 9
    if "bool" in str(feature):
        numbers = numbers > 0
    elif "int8" in str(feature):
        numbers = numbers.round()
    source = table(numbers, feature=feature)
    theirs = np.asarray(source.with_format("python")["x"][:], np.float64).reshape(ROWS, 12)
    for one in (source, source.to_iterable_dataset()):
        real = RealData.from_dataset(one).setup()
        assert real.spec.shape == (12,) and real.spec.mean == pytest.approx(theirs.mean(0), abs=1e-6)
        published = Features.from_dict(real.spec.features)["x"]
        assert isinstance(published, List) and published.feature.dtype == str(real.spec.value_dtype)
    real = RealData.from_dataset(source).setup()
    assert torch.equal(real.train.values, torch.tensor(theirs).to(real.train.values.dtype))
    stored = real.spec.denormalize(real.train.batch(torch.arange(ROWS)).x).numpy()
    assert np.abs(stored - theirs).max() < 1e-4
