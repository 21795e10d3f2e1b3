"""Tables as people bring them: what is a class, a vector and a channel, and what is refused before any work."""

from __future__ import annotations

import datetime
import decimal
import random

import numpy as np
import pytest
import torch
from datasets import ClassLabel, Dataset, Features, List, Value

from hf_distill.data import RealData
from hf_distill.data.kinds.vector_decoder import LARGEST
from hf_distill.errors import UserError
from tests.data.series import ROWS, columns, data, dates

DAY = datetime.date(2020, 1, 1)
# Two values of every plain type, and whether they are classes.
LABELS = {
    "string": ("u", "v", True),
    "large_string": ("u", "v", True),
    "bool": (False, True, True),
    **{f"{sign}int{bits}": (1, 3, True) for sign in ("", "u") for bits in (8, 16, 32, 64)},
    "float32": (0.0, 1.0, True),
    "float64": (-2.0, 1.0, True),
    "date32": (DAY, DAY.replace(day=2), False),
    "date64": (datetime.datetime(2020, 1, 1), datetime.datetime(2020, 1, 2), False),
    "timestamp[s]": (datetime.datetime(2020, 1, 1), datetime.datetime(2021, 1, 1), False),
    "time32[s]": (datetime.time(1), datetime.time(2), False),
    "duration[s]": (datetime.timedelta(1), datetime.timedelta(2), False),
    "binary": (b"u", b"v", False),
    "large_binary": (b"u", b"v", False),
    "decimal128(5, 1)": (decimal.Decimal("1.0"), decimal.Decimal("2.0"), False),
}


def labelled(values: list, feature: object = None, rows: list | None = None) -> Dataset:
    rows = rows or [[float(i), 1.0] for i in range(len(values))]
    features = Features({"x": List(Value("float64")), "kind": feature}) if feature is not None else None
    return Dataset.from_dict({"x": rows, "kind": values}, features=features)


def refused(match: str, train: Dataset, test: Dataset | None = None, **options) -> str:
    """Return the message of a refusal, the same from a table and from a stream."""
    messages = []
    for source in (train, train.to_iterable_dataset()):
        with pytest.raises(UserError, match=match) as caught:
            RealData.from_dataset(source, test, label_column="kind", **options).setup()
        messages.append(str(caught.value))
    assert messages[0] == messages[1] and messages[0].isprintable()
    return messages[0]


@pytest.mark.parametrize("dtype", LABELS)
def test_only_what_can_be_published_is_a_class(dtype):
    low, high, fits = LABELS[dtype]
    table = labelled([low, high] * 3, Value(dtype))
    if not fits:
        refused(rf"column 'kind' is {dtype.split('(')[0].split('[')[0]}.*name another column", table)
        return
    for source in (table, table.to_iterable_dataset()):
        spec = RealData.from_dataset(source, table, label_column="kind").setup().spec
        assert spec.label_values == (low, high)


@pytest.mark.parametrize("bad", [0.5, float("nan"), float("inf"), -1e-3])
def test_real_numbers_are_no_classes(bad):
    choice = random.Random(repr(bad))
    for _ in range(5):
        values = [float(choice.randrange(3)) for _ in range(12)]
        row = choice.randrange(12)
        values[row] = bad
        said = rf"column 'kind' holds real numbers \(float64; row {row}: {bad}\), not classes"
        refused(rf"row {row} has no value in column 'kind'" if bad != bad else said, labelled(values))


def test_structures_and_missing_labels_are_no_classes():
    refused("column 'kind' is .*a ClassLabel or a plain value", labelled([[0.5], [1.5]] * 3), input_column="x")
    refused("column 'kind' is .*a ClassLabel or a plain value", labelled([{"a": 0}, {"a": 1}] * 3), input_column="x")
    refused("row 2 has no value in column 'kind'", labelled(["a", "b", None, "a"]))


@pytest.mark.parametrize(
    ("feature", "values", "message"),
    [
        (ClassLabel(names=["a", "b"]), [0, -1], "row 1 has label -1 in column 'kind'; labels are 0 to 1"),
        (
            ClassLabel(names=["b", "c"]),
            [0, 1],
            "row 1 has class 'c' in column 'kind', and the training split has only a, b",
        ),
        (Value("string"), ["a", "c"], "row 1 has class 'c' in column 'kind', and the training split has only a, b"),
        (Value("int64"), [0, 2], "row 1 has label 2 in column 'kind'; labels are 0 to 1"),
        (Value("string"), ["a", None], "row 1 has no value in column 'kind'"),
        (Value("date32"), [DAY, DAY], "column 'kind' is date32"),
        (Value("float64"), [0.0, 1.0], "row 0 has class '0.0' in column 'kind'"),
        (List(Value("int64")), [[0], [1]], "column 'kind' is List"),
    ],
)
def test_labels_of_the_test_split_are_checked(feature, values, message):
    train = labelled([0, 1] * 3, ClassLabel(names=["a", "b"]))
    test = labelled(values, feature)
    for split in (test, test.to_iterable_dataset()):
        with pytest.raises(UserError, match=f"^the test split: {message}"):
            RealData.from_dataset(train, split).setup()


@pytest.mark.parametrize(
    "bad", [None, float("nan"), float("inf"), -float("inf"), 1e38, -3e38, 1e39, 1e300, "ragged", "null"]
)
def test_vectors_that_cannot_be_normalised_name_row_and_value(bad):
    choice = random.Random(str(bad))
    for _ in range(4):
        rows = [[choice.gauss(0, 1) for _ in range(3)] for _ in range(9)]
        row, entry = choice.randrange(1, 9), choice.randrange(3)
        if bad == "ragged":
            rows[row] = rows[row] + [1.0]
        elif bad == "null":
            rows[row] = None
        else:
            rows[row][entry] = bad
        train = labelled([0, 1, 0] * 3, rows=rows)
        message = refused(rf"^row {row} holds .*column 'x'", train)
        if isinstance(bad, float):
            assert f"holds {bad:g} in column 'x' (entry {entry})" in message
        good = labelled([0, 1])
        if bad not in ("ragged", "null"):
            test = labelled([0, 1, 0] * 3, rows=[(values or [])[:2] for values in rows])
            if entry < 2:
                with pytest.raises(UserError, match=rf"^the test split: row {row} holds"):
                    RealData.from_dataset(good, test, label_column="kind").setup()


def test_statistics_of_the_largest_values_are_finite():
    rows = [[LARGEST, -LARGEST, float(i)] for i in range(5)] + [[-LARGEST, -LARGEST, 0.0]]
    real = RealData.from_dataset(labelled([0, 1] * 3, rows=rows), label_column="kind").setup()
    assert np.isfinite(real.spec.mean).all() and np.isfinite(real.spec.std).all()
    assert torch.isfinite(real.train.batch(torch.arange(6)).x).all()


def numbers(choice: random.Random, rows: int = ROWS) -> list[str]:
    return [
        choice.choice(("{:.3f}", "{:e}", "{:.0f}", " {:.1f}", "{:+.2f}")).format(choice.gauss(0, 9))
        for _ in range(rows)
    ]


@pytest.mark.parametrize("cell", ["n/a?", "C", "?", "1.2.3", "--", "12 km", "missing\x1b[2J"])
def test_a_bad_cell_in_a_channel_is_named(cell):
    choice = random.Random(cell)
    for share in (1, 5, ROWS // 2 - 1):
        values = numbers(choice)
        places = sorted(choice.sample(range(ROWS), share))
        for place in places:
            values[place] = cell
        table = {"date": dates(), "a": values, **{"b": columns()["b"]}}
        for options in ({}, {"columns": ["a", "b"]}):
            with pytest.raises(
                UserError, match=rf"column 'a' is text and most of it numbers; row {places[0]} holds"
            ) as caught:
                data(table, **options).setup()
            assert repr(cell) in str(caught.value) and str(caught.value).isprintable()
        assert data(table, columns=["b"]).setup().spec.channels == ("b",)


def test_text_is_left_out_as_long_as_most_of_it_is_no_number(caplog):
    choice = random.Random(0)
    for share in (0, 3, ROWS // 2):
        names = [f"station {i}" for i in range(ROWS)]
        for place in choice.sample(range(ROWS), share):
            names[place] = "7"
        assert data({"name": names, **columns()}).setup().spec.channels == ("b", "a")
    assert "'name' (text" in caplog.text
    with pytest.raises(UserError, match="column 'name' is text and most of it numbers: write numbers with a point"):
        data({"name": [f"{i},5" for i in range(ROWS)], **columns()}).setup()


@pytest.mark.parametrize("bad", [1e38, -1e200, 1.7e308])
def test_absurd_values_of_a_series_are_named(bad):
    for row in (0, 17, ROWS - 1):
        values = columns()
        values["a"][row] = bad
        with pytest.raises(
            UserError, match=rf"row {row} of column 'a' holds {bad:g}, which is beyond 1e\+30".replace("e+", r"e\+")
        ):
            data(values).setup()


def test_equal_times_are_refused_at_any_length_and_allowed_by_name():
    for rows in (ROWS, 400):
        times = dates(rows)
        times[31] = times[30]
        table = {"t": times, **columns(rows)}
        with pytest.raises(
            UserError, match=r"row 31 of the time column 't' has the time of row 30 \(1 such rows in all\)"
        ):
            data(table).setup()
        assert data(table, allow_irregular=True).setup().spec.step == 3600.0
