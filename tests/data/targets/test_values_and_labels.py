"""Real values and several labels a row: read, written and read back."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from datasets import ClassLabel, Dataset, Features, List, Value

from hf_distill.data import RealData
from hf_distill.errors import ArtifactError, UserError

ROWS = 20


def table(**labels: tuple[object, list]) -> Dataset:
    x = np.random.default_rng(0).normal(size=(ROWS, 3)).tolist()
    features = {"x": List(Value("float32")), **{name: feature for name, (feature, _) in labels.items()}}
    return Dataset.from_dict({"x": x, **{name: own for name, (_, own) in labels.items()}}, features=Features(features))


def opened(dataset: Dataset, **options: object) -> RealData:
    return RealData.from_dataset(dataset, dataset, **options).setup()


def written(real: RealData, y: torch.Tensor):
    features = Features.from_dict({name: real.spec.features[name] for name in real.spec.label_columns})
    return Dataset.from_dict(real.spec.goal.write(real.spec, y), features=features).data.table


def test_values_are_less_their_mean_and_by_their_deviation():
    table_ = table(y=(Value("float64"), [1e8 + value for value in range(ROWS)]))
    real = opened(table_, label_column="y", target="values")
    spec = real.spec
    assert spec.task == "tabular-regression" and spec.num_outputs == 1 and spec.num_groups == 1
    assert spec.target_about == {"columns": ["y"], "mean": [1e8 + 9.5], "std": [pytest.approx(5.766281297335398)]}
    assert spec.class_counts == (ROWS,) and spec.classes == () and spec.bits_per_label == 64
    assert real.train.targets.shape == (ROWS, 1) and not real.train.labels.any()
    assert real.train.targets[:, 0].tolist() == pytest.approx([(i - 9.5) / 5.766281297335398 for i in range(ROWS)])
    assert written(real, real.train.targets)["y"].to_pylist() == [1e8 + value for value in range(ROWS)]
    batch = real.sample([0], 4, torch.Generator())
    assert batch.y.shape == (4, 1) and torch.equal(real.test.targets, real.train.targets)


def test_several_columns_keep_their_types():
    dataset = table(
        a=(Value("int8"), [*range(ROWS)]),
        b=(Value("float32"), [i / 3 for i in range(ROWS)]),
        c=(Value("bool"), [0, 1] * 10),
    )
    real = opened(dataset, label_column=["a", "b", "c"])
    spec = real.spec
    assert spec.target == "values" and spec.num_outputs == 3 and spec.bits_per_label == 8 + 32 + 8
    assert spec.label_columns == ("a", "b", "c") and [*spec.features] == ["x", "a", "b", "c"]
    back = written(real, real.train.targets)
    assert [back[name].to_pylist() for name in "abc"] == [
        [*range(ROWS)],
        [pytest.approx(i / 3, abs=1e-5) for i in range(ROWS)],
        [False, True] * 10,
    ]
    assert torch.allclose(spec.goal.read_back(spec, back), real.train.targets, atol=1e-6)
    far = written(real, torch.full((1, 3), 1e4))
    assert far["a"].to_pylist() == [127] and far["c"].to_pylist() == [True]
    once = spec.goal.published(spec, torch.full((1, 3), 0.123))
    assert torch.equal(once, spec.goal.published(spec, once)), "what is published is what is read back"


FLAGS = np.random.default_rng(1).integers(0, 2, (ROWS, 3))
COLUMNS = dict(zip(("sea", "sky", "sun"), FLAGS.T.tolist(), strict=True))
LISTS = [[int(place) for place in np.flatnonzero(row)] for row in FLAGS]
NAMES = [*COLUMNS]


@pytest.mark.parametrize(
    ("labels", "options"),
    [
        ({"y": (List(ClassLabel(names=NAMES)), LISTS)}, {}),
        ({"y": (List(Value("string")), [[NAMES[place] for place in own] for own in LISTS])}, {"label_column": "y"}),
        ({"y": (List(Value("int64")), [[10 * place for place in own] for own in LISTS])}, {"label_column": "y"}),
        (
            {name: (Value("bool"), own) for name, own in COLUMNS.items()},
            {"label_column": NAMES},
        ),
        (
            {name: (Value("int64"), own) for name, own in COLUMNS.items()},
            {"label_column": NAMES, "target": "labels"},
        ),
    ],
)
def test_several_labels_are_flags(labels, options):
    if not options:
        labels = {"labels": labels["y"]}
    real = opened(table(**labels), **options)
    spec = real.spec
    assert spec.target == "labels" and spec.task == "tabular-classification" and len(spec.classes) == 3
    assert real.train.targets.tolist() == FLAGS.tolist() and real.test.targets.tolist() == FLAGS.tolist()
    assert spec.num_outputs == 3 and spec.num_groups == 1 and spec.bits_per_label == 3
    back = written(real, real.train.targets)
    assert [back[name].to_pylist() for name in spec.label_columns] == [own for _, own in labels.values()]
    assert torch.equal(spec.goal.read_back(spec, back), real.train.targets)
    assert spec.goal.published(spec, torch.tensor([[0.4, 0.6, 2.0]])).tolist() == [[0, 1, 1]]
    assert real.spec.to_dict()["target"] == "labels"


@pytest.mark.parametrize(
    ("labels", "options", "message"),
    [
        ({"y": (Value("float32"), [0.5] * ROWS)}, {"target": "values"}, "'y' is 0.5 in every row"),
        ({"y": (Value("float32"), [0.5, None] * 10)}, {"target": "values"}, "row 1 holds nan in column 'y'"),
        ({"y": (Value("string"), ["a"] * ROWS)}, {"target": "values"}, "'y' is .*needs numbers"),
        ({"y": (Value("float32"), [0.5, 1.5] * 10)}, {}, "real numbers .*--data.target=values"),
        ({"y": (Value("int64"), [0, 1] * 10)}, {"target": "labels"}, "needs a List of ClassLabel"),
        ({"y": (List(Value("string")), [["a"], None] * 10)}, {}, "row 1 has no value in column 'y'"),
        ({"y": (Value("int64"), [0, 1] * 10)}, {"label_column": ["y", "z"]}, "no column 'z'"),
        ({"y": (Value("int64"), [0, 1] * 10)}, {"label_column": ["y", "y"]}, "each once"),
        (
            {"y": (Value("int64"), [0, 1] * 10), "z": (Value("int64"), [0, 2] * 10)},
            {"label_column": ["y", "z"], "target": "labels"},
            "row 1 holds 2 in column 'z', which is neither 0 nor 1",
        ),
        (
            {"y": (Value("int64"), [0, 1] * 10), "z": (Value("int64"), [0, 2] * 10)},
            {"label_column": ["y", "z"], "target": "classes"},
            "a class is one column, and data.label_column names 2",
        ),
    ],
)
def test_what_is_no_such_target_is_one_line(labels, options, message):
    with pytest.raises(UserError, match=message):
        opened(table(**labels), **{"label_column": "y", **options})


def test_a_label_that_the_training_split_has_not_is_named():
    train, test = (table(y=(List(Value("string")), [[name]] * ROWS)) for name in ("sea", "moon"))
    with pytest.raises(UserError, match=r"the test split: row 0 has label 'moon'"):
        RealData.from_dataset(train, test, label_column="y").setup()


def test_rows_are_held_out_whatever_their_values():
    real = RealData.from_dataset(
        table(y=(Value("float64"), [*map(float, range(ROWS))])), label_column="y", target="values", test_fraction=0.25
    ).setup()
    assert (len(real.train), len(real.test)) == (15, 5)


@pytest.mark.parametrize("target", ["values", "labels"])
def test_a_stream_has_the_targets_of_the_table(target):
    generator = np.random.default_rng(0)
    rows = {"x": generator.normal(size=(30, 2)).astype("f4").tolist()}
    rows |= {name: generator.normal(size=30) if target == "values" else generator.integers(0, 2, 30) for name in "ab"}
    source = Dataset.from_dict(rows)
    options = {"input_column": "x", "label_column": ["a", "b"], "target": target}
    table = RealData.from_dataset(source, source, **options).setup()
    stream = RealData.from_dataset(source.to_iterable_dataset(), source.to_iterable_dataset(), **options).setup()
    # A fingerprint tells where rows come from.
    assert replace(stream.spec, source={}) == replace(table.spec, source={})
    taken = stream.sample([0], 30, torch.Generator())
    every = table.train.batch(torch.arange(30))
    assert torch.equal(taken.x, every.x) and torch.equal(taken.y, every.y)
    assert torch.equal(stream.test.targets, table.test.targets)
    state = stream.state_dict()
    later = stream.sample([0], 7, torch.Generator())
    stream.load_state_dict(state)
    assert torch.equal(stream.sample([0], 7, torch.Generator()).y, later.y)


def test_damaged_targets_are_named():
    real = opened(table(y=(Value("float64"), [*map(float, range(ROWS))])), label_column="y", target="values")
    with pytest.raises(ArtifactError, match="not finite: it is damaged"):
        real.spec.goal.read_back(real.spec, Dataset.from_dict({"y": [1.0, float("nan")]}).data.table)
    real = opened(table(y=(List(ClassLabel(names=NAMES)), LISTS)), label_column="y")
    with pytest.raises(ArtifactError, match="holds 3, which is no label"):
        real.spec.goal.read_back(real.spec, Dataset.from_dict({"y": [[0], [3]]}).data.table)
