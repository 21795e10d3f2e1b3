"""Numbers and categories side by side: what is read, learned from and published are the source's cells."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
import torch
from datasets import ClassLabel, Dataset, Features, Value, load_dataset

from hf_distill import MLP, ClassificationEvaluator, Coreset, DistributionMatching, OptimizedDistillation, VectorSet
from hf_distill.data import RealData
from hf_distill.data.kinds.columns_decoder import Column
from hf_distill.data.spec import DataSpec
from hf_distill.errors import UserError
from hf_distill.hub import DistilledDataset
from hf_distill.training import Recipe

NUMBERS = {"int8": (-100, 100), "int64": (-(2**40), 2**40), "uint16": (0, 60000), "float32": None, "float64": None}


def table(seed: int, rows: int = 120) -> Dataset:
    """A table of random columns: one of each type of numbers, true and false, text of few values, a ClassLabel."""
    generator = np.random.default_rng(seed)
    columns, features = {}, {}
    for dtype, limits in NUMBERS.items():
        values = generator.normal(1e6, 3, rows) if limits is None else generator.integers(*limits, rows)
        columns[f"n_{dtype}"], features[f"n_{dtype}"] = values.astype(dtype), Value(dtype)
    columns["flag"], features["flag"] = generator.integers(0, 2, rows).astype(bool), Value("bool")
    columns["city"] = [["Bern", "Köln", "?", None][place] for place in generator.integers(0, 4, rows)]
    features["city"] = Value("string")
    columns["grade"], features["grade"] = generator.integers(0, 5, rows), ClassLabel(names=list("abcde"))
    columns["label"], features["label"] = [row % 2 for row in range(rows)], ClassLabel(names=["no", "yes"])
    order = [list(features)[place] for place in generator.permutation(len(features))]
    return Dataset.from_dict(
        {name: columns[name] for name in order}, Features({name: features[name] for name in order})
    )


@pytest.mark.parametrize("seed", range(5))
def test_every_cell_comes_back(seed):
    source = table(seed)
    real = RealData.from_dataset(source, source).setup()
    spec = real.spec
    assert spec.kind == "columns" and set(spec.columns) == set(source.features) - {"label"}
    assert spec.shape == (5 + 1 + 4 + 5,) and list(spec.features) == list(source.features)
    stored = spec.form.store(spec, real.train.batch(torch.arange(len(source))).x)
    written = spec.form.write(spec, stored)
    for name in spec.columns:
        if name in ("n_float32", "n_float64", "n_int64"):  # inputs are single precision, of what is left of the mean
            values = np.asarray(source[name][:], np.float64)
            np.testing.assert_allclose(written[name], values, rtol=0, atol=3e-6 * np.abs(values - values.mean()).max())
        else:
            assert pa.array(written[name]).to_pylist() == source[name][:]
    assert DataSpec.from_dict(spec.to_dict()) == spec
    x = spec.form.load(spec, stored)
    assert x.dtype == torch.float32 and (x - real.train.batch(torch.arange(len(source))).x).abs().max() < 1e-3


def test_a_number_is_divided_and_a_category_is_not():
    real = RealData.from_dataset(table(0), None, input_column=["n_int8", "grade"]).setup()
    x = real.train.batch(torch.arange(120)).x
    np.testing.assert_allclose([x[:, 0].mean(), x[:, 0].std(correction=0)], [0, 1], atol=1e-5)
    shares = torch.bincount(torch.tensor(table(0)["grade"][:]), minlength=5) / 120
    assert torch.allclose(x[:, 1:].amax(0), 1 - shares.float(), atol=1e-6)
    # 8 bits of the number, 3 of five classes, 1 of two labels.
    assert real.spec.form.sample_bits(real.spec) == 11 and real.spec.bits_per_label == 1


def test_numbers_alone_are_still_a_vector_and_texts_of_many_values_are_left_out(caplog):
    rows = {"a": list(range(40)), "note": [f"x{row}" for row in range(40)], "label": [row % 2 for row in range(40)]}
    features = Features({"a": Value("int64"), "note": Value("string"), "label": ClassLabel(num_classes=2)})
    real = RealData.from_dataset(Dataset.from_dict(rows, features)).setup()
    assert real.spec.kind == "vector" and real.spec.columns == ("a",) and "left out: note" in caplog.text
    named = RealData.from_dataset(Dataset.from_dict(rows, features), input_column=["a", "note"]).setup()
    assert [part.kind for part in named.spec.form.parts(named.spec)] == ["columns", "text"], (
        "who names it wants it read"
    )


def test_the_label_is_told_from_other_classes_by_its_name(caplog):
    assert RealData.from_dataset(table(0)).setup().spec.label_column == "label"
    assert "'label' is taken for the class; so could be grade" in caplog.text


def test_a_value_that_training_rows_lack_counts_as_none(caplog):
    source = table(0)
    real = RealData.from_dataset(
        source.filter(lambda row: row["city"] != "Bern"), source.filter(lambda row: row["city"] == "Bern")
    ).setup()
    start = sum(part.width for part in real.spec.form.parts(real.spec)[: list(real.spec.columns).index("city")])
    assert not real.test.raw(torch.arange(3))[:, start : start + 3].any()
    assert "holds 'Bern', which no training row" in caplog.text


def test_missing_numbers_name_their_row():
    rows = {"a": [1.0, 2.0, None] * 20, "city": ["x", "y", "z"] * 20, "label": [0, 1, 0] * 20}
    features = Features({"a": Value("float64"), "city": Value("string"), "label": ClassLabel(num_classes=2)})
    with pytest.raises(UserError, match="row 2 holds None in column 'a'"):
        RealData.from_dataset(Dataset.from_dict(rows, features)).setup()


def test_cells_of_a_type_are_decoded_to_what_it_holds():
    assert Column("a", "int8").decode(np.array([[1e9], [-3.4], [np.float64(-1e9)]])) == [127, -3, -128]
    assert Column("a", "bool").decode(np.array([[0.2], [0.7]])) == [False, True]
    assert Column("a", "string", (None, "x")).decode(np.array([[0.2, 0.1], [0.3, 0.4]])) == [None, "x"]


@pytest.mark.parametrize("learned", [False, True])
def test_from_a_table_to_a_published_set_to_a_row(tmp_path, learned):
    source = table(3)
    real = RealData.from_dataset(source, source)
    method = Coreset(per_class=3)
    if learned:
        objective = DistributionMatching(network=MLP(width=8), real_per_class=8)
        method = OptimizedDistillation(synthetic=VectorSet(per_class=3), objective=objective, steps=3)
    method.distill(real).save_pretrained(tmp_path / "set")
    published = load_dataset(str(tmp_path / "set"), split="train")
    assert published.features == source.features and len(published) == 6
    names = ["city", "grade", "flag", "n_int8", "n_uint16", "label"]
    rows = {tuple(row[name] for name in names) for row in source}
    if not learned:
        assert all(tuple(row[name] for name in names) in rows for row in published)
    made = DistilledDataset.from_pretrained(tmp_path / "set")
    evaluator = ClassificationEvaluator(networks=[MLP(width=8)], seeds=1, recipe=Recipe(epochs=2), full_steps=2)
    row = evaluator.evaluate(made, real, progress=False).rows[0]
    assert 0 <= row["mean"] <= 1 and "class_mean" not in row["baselines"] and row["bits"] > 0
