"""Files of separated values, however they are written, hold what was written into them."""

from __future__ import annotations

import csv
import gzip
import random
from io import StringIO
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from hf_distill.data import RealData
from hf_distill.data.csv_dialect import csv_options
from hf_distill.errors import UserError

ROWS = 24


def frame(choice: random.Random, large: bool) -> pd.DataFrame:
    """A table of two or more columns of numbers and a class."""
    size = 10.0 ** choice.choice((3, 4, 6)) if large else 10.0 ** choice.choice((-2, 0, 2))
    numbers = np.random.default_rng(choice.randrange(10**6))
    columns = {f"n{i}": (numbers.normal(size=ROWS) * size).round(2) for i in range(choice.randrange(2, 6))}
    if choice.random() < 0.5:
        columns["whole"] = numbers.integers(-99, 99, ROWS)
    columns["kind"] = [choice.choice(("red", "a blue one", "gr\u00fcn")) for _ in range(ROWS)]
    names = list(columns)
    choice.shuffle(names)
    return pd.DataFrame({name: columns[name] for name in names})


def cell(value: object, decimal: str, thousands: bool) -> str:
    if isinstance(value, str):
        return value
    text = f"{value:,}" if thousands else f"{value}"
    if decimal == ",":
        text = text.translate(str.maketrans(",.", ".,"))
    return text


def write(path: Path, table: pd.DataFrame, choice: random.Random) -> None:
    separator = choice.choice((",", ";", "\t", "|"))
    decimal = choice.choice(".,")
    thousands = choice.random() < 0.4
    lines = [list(table)] + [
        [cell(value, decimal, thousands) for value in row] for row in table.itertuples(index=False)
    ]
    if choice.random() < 0.3:  # pandas writes the numbers of the rows so
        lines = [[str(i - 1) if i else "", *line] for i, line in enumerate(lines)]
    end = choice.random() < 0.2
    out = StringIO()
    out.write("".join(f"# note {i}\n" for i in range(choice.choice((0, 0, 3)))))
    quoting = choice.choice((csv.QUOTE_MINIMAL, csv.QUOTE_ALL))
    writer = csv.writer(out, delimiter=separator, quoting=quoting, lineterminator=choice.choice(("\n", "\r\n")))
    for line in lines:
        writer.writerow([*line, ""] if end and quoting == csv.QUOTE_MINIMAL and line is not lines[0] else line)
    data = out.getvalue().encode(choice.choice(("utf-8", "utf-8-sig", "utf-16")))
    if path.suffix == ".gz":
        data = gzip.compress(data)
    path.write_bytes(data)


@pytest.mark.parametrize("seed", range(40))
def test_a_table_is_read_as_it_was_written(seed, tmp_path):
    choice = random.Random(seed)
    table = frame(choice, large=choice.random() < 0.5)
    path = tmp_path / choice.choice(("t.csv", "T.CSV", "t.csv.gz"))
    write(path, table, choice)
    real = RealData(path=str(path)).setup()
    numbers = [name for name in table if name != "kind"]
    assert real.spec.columns == tuple(numbers) and real.spec.label_column == "kind"
    expected = torch.tensor(table[numbers].to_numpy(float)).to(real.train.values.dtype)
    assert torch.equal(real.train.values, expected)
    assert [real.spec.classes[label] for label in real.train.labels] == table["kind"].tolist()


def test_the_signs_can_be_given(tmp_path):
    (tmp_path / "t.csv").write_text("a;b;label\n" + "".join(f"1,{i:03d};{i};{i % 2}\n" for i in range(100, 120)))
    with pytest.raises(UserError, match=r"'1,100' in column 'a' .* can be a thousand or a fraction.*--data\.decimal"):
        RealData(path=str(tmp_path / "t.csv")).setup()
    for decimal, value in ((",", 1.1), (".", 1100.0)):
        real = RealData(path=str(tmp_path / "t.csv"), decimal=decimal).setup()
        assert float(real.train.values[0, 0]) == pytest.approx(value)
    (tmp_path / "u.csv").write_text("a~b~label\n" + "".join(f"{i}~{-i}~{i % 2}\n" for i in range(10)))
    assert RealData(path=str(tmp_path / "u.csv"), separator="~").setup().spec.columns == ("a", "b")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("5,0,3,7\n1,2,3,4\n5,6,7,8\n", r"the first line of t\.csv \(5, 0, 3, 7\) is like those below it"),
        ("2020-01-01,1.5\n2020-01-02,2.5\n", "is like those below it"),
        ("1.5,2.5,red\n2.5,1.5,blue\n3.5,2.0,red\n", "is like those below it"),
        ("a,b,c\n1,2,3,4,5\n1,2,3,4,5\n", r"row 0 of t\.csv has 5 cells and the header 3"),
        ("value\n1,5\n2,5\n", r"row 0 of t\.csv has 2 cells and the header 1.*--data\.separator"),
        (b"a,b\xb0\n1,2\n", r"t\.csv is no UTF-8 text \(byte 0xb0 at 3\): save it as UTF-8"),
        ("a,b,label\n", "it has no rows"),
        ("", "is empty"),
    ],
)
def test_what_cannot_be_read_is_refused(tmp_path, text, message):
    (tmp_path / "t.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(UserError, match=message) as caught:
        RealData(path=str(tmp_path / "t.csv")).setup()
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("header", ["0,1,2", "400.5,401,402.25", "7,8,9,10", "773869,767541,767542"])
def test_numbers_may_name_columns(tmp_path, header):
    width = header.count(",") + 1
    rows = "".join(",".join(str(i * j) for j in range(width)) + "\n" for i in range(6))
    (tmp_path / "t.csv").write_text(header + "\n" + rows)
    assert "sep" in csv_options(tmp_path / "t.csv")


def test_names_of_rows_shift_nothing(tmp_path):
    # As R writes a table: the header has no name for them.
    (tmp_path / "t.csv").write_text("a,b,label\n" + "".join(f"{i + 1},{i / 2},{-i},{'xy'[i % 2]}\n" for i in range(9)))
    real = RealData(path=str(tmp_path / "t.csv")).setup()
    assert real.spec.columns == ("a", "b") and real.train.values[3].tolist() == [1.5, -3.0]


def test_what_a_joined_vector_leaves_out_is_said(tmp_path, caplog):
    rows = "".join(f"{i},{i * i},{i % 3},x{i},{'uv'[i % 2]}\n" for i in range(8))
    (tmp_path / "t.csv").write_text("Id,pixel0,pixel1,note,class\n" + rows)
    path = str(tmp_path / "t.csv")
    assert RealData(path=path).setup().spec.columns == ("pixel0", "pixel1")
    assert "2 columns of numbers (pixel0, pixel1) are joined to one vector; left out: Id, note" in caplog.text
    for choice, columns in (("pixel*", ("pixel0", "pixel1")), (["pixel1", "Id"], ("pixel1", "Id")), ("Id", ("Id",))):
        real = RealData(path=path, input_column=choice).setup()
        assert real.spec.columns == columns and real.spec.shape == (len(columns),)
    assert RealData(path=path, input_column="note", label_column="class").setup().spec.kind == "text"
    for choice, message in (
        (["pixel0", "pixel*"], "each once"),
        ("pix?", "no column 'pix\\?'"),
        (["class", "pixel0"], "is the label and cannot be an input"),
    ):
        with pytest.raises(UserError, match=message):
            RealData(path=path, input_column=choice, label_column="class").setup()
    (tmp_path / "b.csv").write_text((tmp_path / "t.csv").read_text().replace(",9,", ",nine,"))
    with pytest.raises(UserError, match="column 'pixel0' is text and most of it numbers; row 3 holds 'nine'"):
        RealData(path=str(tmp_path / "b.csv")).setup()
    (tmp_path / "m.csv").write_text((tmp_path / "t.csv").read_text().replace(",9,", ",,"))
    with pytest.raises(UserError, match="row 3 holds nan in column 'pixel0', which is missing"):
        RealData(path=str(tmp_path / "m.csv")).setup()


def test_what_tells_samples_apart_is_no_property_of_theirs(tmp_path, caplog):
    numbers = np.random.default_rng(0)
    table = pd.DataFrame(numbers.normal(size=(30, 2)), columns=["a", "b"])
    names = ("id", "patient_id", "PassengerId", "sample ID", "Unnamed: 0", "__index_level_0__")
    for name in names:
        table[name] = numbers.permutation(1000)[:30]
    table["humid"] = numbers.permutation(1000)[:30]  # a name that only ends so
    table["void"] = np.nan
    table["Class"] = ["u", "v"] * 15
    table.to_parquet(tmp_path / "t.parquet")
    spec = RealData(path=str(tmp_path / "t.parquet")).setup().spec
    assert spec.columns == ("a", "b", "humid") and spec.label_column == "Class"
    assert all(name in caplog.text.partition("left out: ")[2] for name in (*names, "void"))
