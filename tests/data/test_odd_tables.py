"""Tables as people bring them: each is read, or refused in one line that sends nobody in a circle."""

import logging
import random
import re

import pytest
from datasets import Dataset, Features, List, Value

from hf_distill import RealData, SeriesData
from hf_distill.errors import UserError

ROWS = 24
COLUMNS = {
    "numbers": (Value("float64"), lambda draw: draw.gauss(0, 1)),
    "constant": (Value("float32"), lambda draw: 3.0),
    "whole": (Value("int64"), lambda draw: draw.randrange(4)),
    "large": (Value("int64"), lambda draw: 2**62 + draw.randrange(4)),
    "gaps": (Value("float64"), lambda draw: draw.choice([None, 1.0])),
    "empty": (Value("null"), lambda draw: None),
    "words": (Value("string"), lambda draw: draw.choice(["猫", "犬", ""])),
    "single": (Value("string"), lambda draw: "one"),
    "bytes": (Value("binary"), lambda draw: b"ab"),
    "lists": (List(Value("float32")), lambda draw: [draw.gauss(0, 1), 1.0]),
    "ragged": (List(Value("float32")), lambda draw: [1.0] * draw.randrange(3)),
    "nothing": (List(Value("null")), lambda draw: []),
    "parts": ({"k": Value("int32")}, lambda draw: {"k": draw.randrange(3)}),
}


@pytest.mark.parametrize("seed", range(80))
def test_a_table_is_read_or_refused_in_a_line(seed):
    draw = random.Random(seed)
    kinds = draw.sample(sorted(COLUMNS), draw.randrange(1, 4))
    names = [draw.choice(["label", "y", "a ö", kind]) if not place else kind for place, kind in enumerate(kinds)]
    features = Features({name: COLUMNS[kind][0] for name, kind in zip(names, kinds, strict=True)})
    rows = draw.choice([1, 2, ROWS])
    columns = {name: [COLUMNS[kind][1](draw) for _ in range(rows)] for name, kind in zip(names, kinds, strict=True)}
    table = Dataset.from_dict(columns, features=features)
    try:
        real = RealData(table, test_fraction=0.25).setup()
    except UserError as error:
        said = str(error)
        assert said and "\n" not in said
        # What is offered for one option is not what the other one already is.
        offered = re.findall(r"set --data.input_column to one of (.*)$", said)
        assert not {"label", "y"} & {name for names in offered for name in names.split(", ")}, said
        assert "set --data.label_column to one of" not in said or len(features) > 1, said
    else:
        assert len(real.train) + len(real.test) == rows and real.train.batch(real.train.labels[:0]).x.isfinite().all()


def test_a_single_class_is_said(caplog):
    table = Dataset.from_dict({"x": [[1.0, 2.0], [2.0, 1.0]] * 5, "label": ["one"] * 10})
    with caplog.at_level(logging.WARNING):
        RealData(table).setup()
    assert "column 'label' has a single class, 'one'" in caplog.text


def test_a_column_without_values_is_left_out_and_said(caplog):
    table = Dataset.from_dict({"x": [1.0, 2.0] * 5, "gone": [None] * 10, "label": ["a", "b"] * 5})
    with caplog.at_level(logging.WARNING):
        assert RealData(table).setup().spec.columns == ("x",)
    assert "left out: gone (it is empty)" in caplog.text


@pytest.mark.parametrize(
    "text, said",
    [
        ("a,label\n" + "".join(f"{10**25 + row},x\n" for row in range(9)), "row 0 of column 'a' holds '1000000000000"),
        ("a,label\n1,x\n" + f"{2**70},y\n", "row 1 of column 'a' holds '1180591620717411303424', beyond 64 bits"),
        ("\0" * 1000, "it has no rows"),
    ],
)
def test_a_file_that_is_no_table_is_told_by_its_cell(tmp_path, text, said):
    path = tmp_path / "my table.csv"
    path.write_text(text)
    with pytest.raises(UserError, match=r"my table\.csv") as caught:
        RealData(path=str(path)).setup()
    assert said in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("path", ["https://example.com/data.csv", "s3://bucket/key", "hf://datasets/a/b"])
def test_an_address_is_no_path(path):
    with pytest.raises(UserError, match="is an address: download it first"):
        RealData(path=path).setup()


def test_a_series_that_never_changes_is_refused(tmp_path):
    path = tmp_path / "flat.csv"
    path.write_text("time,v\n" + "".join(f"2024-01-01 {hour:02}:00,1.0\n" for hour in range(24)))
    with pytest.raises(UserError, match="v: no channel changes in the training rows"):
        SeriesData(path=str(path), lookback=4, horizon=2).setup()
