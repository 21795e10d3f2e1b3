"""Labels of two splits are the same class where they have the same name."""

from __future__ import annotations

import random

import pytest
from datasets import ClassLabel, Dataset, Features, List, Value

from hf_distill.data import RealData

NAMES = ["cat", "dog", "10", "2", "True"]


def split(names: list[str], kind: str, order: list[str]) -> Dataset:
    """A split whose classes are these, written in one of several ways."""
    values = {"label": [order.index(name) for name in names], "text": names}[kind]
    feature = ClassLabel(names=order) if kind == "label" else Value("string")
    features = Features({"x": List(Value("float32")), "kind": feature})
    return Dataset.from_dict({"x": [[float(i)] for i in range(len(names))], "kind": values}, features=features)


@pytest.mark.parametrize("kinds", [("label", "label"), ("label", "text"), ("text", "label"), ("text", "text")])
@pytest.mark.parametrize("seed", range(5))
def test_classes_go_by_their_names(kinds, seed):
    choice = random.Random(seed)
    known = choice.sample(NAMES, 3)
    rows = [known + [choice.choice(known) for _ in range(12)] for _ in range(2)]
    orders = [choice.sample(known, 3), [*choice.sample(known, 3), "unused"]]
    train, test = (split(*values) for values in zip(rows, kinds, orders, strict=True))
    for measured in (test, test.to_iterable_dataset()):
        real = RealData.from_dataset(train, measured, label_column="kind").setup()
        for part, names in ((real.train, rows[0]), (real.test, rows[1])):
            assert [real.spec.classes[label] for label in part.labels] == names


@pytest.mark.parametrize(
    ("train", "test"),
    [(("int64", [3, 1, 3]), ("string", ["3", "1", "1"])), (("int8", [0, 1]), ("float64", [1.0, 0.0])),
     (("bool", [True, False]), ("string", ["False", "True"])), (("string", ["0", "1"]), ("int32", [1, 0, 1]))],
)  # fmt: skip
def test_numbers_may_be_written_in_another_type(train, test):
    tables = [
        Dataset.from_dict(
            {"x": [[1.0]] * len(values), "kind": values},
            features=Features({"x": List(Value("float32")), "kind": Value(dtype)}),
        )
        for dtype, values in (train, test)
    ]
    real = RealData.from_dataset(*tables, label_column="kind").setup()
    found = [str(real.spec.label_values[label]) for label in real.test.labels]
    assert [float(a) if train[0] == "int8" else a for a in found] == [
        float(value) if train[0] == "int8" else str(value) for value in test[1]
    ]
