"""Whatever is in a local file: it is read, or one line says what is wrong with it."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from datasets import Dataset, DatasetDict, Features, List, Value

from hf_distill.data import RealData, SeriesData
from hf_distill.data.csv_fault import csv_fault
from hf_distill.errors import UserError
from tests.data.series import SMALL, columns, dates

ROUNDS = 16


def vectors() -> Dataset:
    values = np.random.default_rng(0).normal(size=(8, 3)).tolist()
    features = Features({"x": List(Value("float32")), "label": Value("string")})
    return Dataset.from_dict({"x": values, "label": ["u", "v"] * 4}, features=features)


def series() -> Dataset:
    return Dataset.from_dict({"date": dates(), **columns()})


def write(kind: str, folder: Path) -> Path:
    """Write a source of some kind and return its path."""
    folder.mkdir()
    if kind == "csv":
        series().to_csv(folder / "s.csv")
    elif kind == "parquet":
        vectors().to_parquet(folder / "s.parquet")
    elif kind == "jsonl":
        vectors().to_json(folder / "s.jsonl")
    elif kind == "json":
        (folder / "s.json").write_text(json.dumps(vectors().to_list()))
    elif kind == "saved":
        DatasetDict(train=vectors(), test=vectors()).save_to_disk(folder)
        return folder
    elif kind == "arrow":
        vectors().save_to_disk(folder / "saved")
        shutil.copy(next((folder / "saved").glob("*.arrow")), folder / "s.arrow")
        shutil.rmtree(folder / "saved")
    elif kind == "folder":
        vectors().to_parquet(folder / "train.parquet")
        card = "---\nlicense: mit\nconfigs:\n- config_name: default\n  data_files: train.parquet\n---\n# Words\n"
        (folder / "README.md").write_text(card)
        return folder
    return folder / f"s.{kind}"


def damage(data: bytes, choice: random.Random) -> bytes:
    place = choice.randrange(len(data))
    how = choice.randrange(6)
    if how == 0:
        return data[:place]
    if how == 1:
        return data[:place] + b"\0" * choice.choice((1, 8)) + data[place:]
    if how == 2:
        return data.decode("latin-1").encode(choice.choice(("utf-16", "utf-32", "latin-1")))
    if how == 3:
        return data[:place] + data[place + choice.choice((1, 8)) :]
    out = bytearray(data)
    for _ in range(choice.choice((1, 2, 16))):
        out[choice.randrange(len(out))] = choice.randrange(256)
    return bytes(out)


def read(path: Path, streaming: bool) -> None:
    if path.suffix == ".csv":
        real = SeriesData(path=str(path), **SMALL).setup()
        assert torch.isfinite(real.train.values).all()
    elif streaming:
        RealData(path=str(path), streaming=True).setup().sample([0], 2, torch.Generator())
    else:
        real = RealData(path=str(path)).setup()
        assert torch.isfinite(real.train.batch(torch.arange(len(real.train))).x).all()


def attack(kind: str, root: Path, rounds: int) -> tuple[int, int]:
    """Damage a source again and again; return how often it was read and how often refused."""
    path = write(kind, root / "whole")
    files = [file for file in (root / "whole").rglob("*") if file.is_file()]
    done = refused = 0
    for seed in range(rounds):
        choice = random.Random(f"{kind} {seed}")
        work = root / str(seed)
        shutil.copytree(root / "whole", work)
        file = work / choice.choice(files).relative_to(root / "whole")
        file.write_bytes(damage(file.read_bytes(), choice))
        try:
            read(work / path.relative_to(root / "whole"), streaming=bool(seed % 2))
            done += 1
        except UserError as error:
            assert str(error).isprintable() and len(str(error)) < 600, str(error)
            refused += 1
        shutil.rmtree(work)
    return done, refused


@pytest.mark.parametrize(
    "kind", ["csv", "parquet", pytest.param("jsonl", marks=pytest.mark.slow), "json", "saved", "folder"]
)
def test_a_damaged_source_is_read_or_refused_in_one_line(kind, tmp_path):
    done, refused = attack(kind, tmp_path, ROUNDS)
    assert done + refused == ROUNDS and refused


@pytest.mark.slow
def test_damaged_arrow_files_end_no_process(tmp_path):
    # Arrow believes offsets that point anywhere: a process of its own shows whether it comes back.
    code = f"""
import pathlib
from tests.data.test_damaged_files import attack
print(attack("arrow", pathlib.Path({str(tmp_path)!r}), 20 * {ROUNDS}))
"""
    found = subprocess.run([sys.executable, "-c", code], text=True, capture_output=True)
    assert found.returncode == 0, found.stderr
    assert sum(map(int, found.stdout.strip("()\n").split(","))) == 20 * ROUNDS


def test_offsets_of_a_saved_folder_are_checked(tmp_path):
    vectors().save_to_disk(tmp_path / "saved")
    file = next((tmp_path / "saved").glob("*.arrow"))
    offsets = np.arange(0, 27, 3, dtype="<i4").tobytes()  # of eight lists of three numbers
    data = file.read_bytes()
    assert offsets in data
    file.write_bytes(data.replace(offsets, np.full(9, 2**30, "<i4").tobytes()))
    with pytest.raises(UserError, match=r"cannot read .*[Oo]ffset.*: mend it, or name another --data.path"):
        RealData(path=str(tmp_path / "saved")).setup()


@pytest.mark.parametrize(("column", "cell", "before"), [("a", "oops", "numbers"), ("b", "2.5", "whole numbers")])
def test_a_late_cell_of_a_csv_file_is_named_or_read_as_pandas_does(tmp_path, column, cell, before):
    # ``datasets`` takes the types of the first 10,000 rows for all, unless the file is read at once.
    rows = [{"a": i / 2, "b": i} for i in range(10_300)]
    rows[10_123][column] = cell
    lines = ["a,b", *(f"{row['a']},{row['b']}" for row in rows)]
    (tmp_path / "s.csv").write_text("\n".join(lines))
    assert csv_fault(tmp_path / "s.csv") == (
        f"row 10123 of column {column!r} holds {cell!r}, and the rows before it {before}"
    )
    real = SeriesData(path=str(tmp_path / "s.csv"), **SMALL)
    if column == "a":
        with pytest.raises(UserError, match="column 'a' is text and most of it numbers; row 10123 holds 'oops'"):
            real.setup()
    else:
        place = real.setup().spec.channels.index("b")
        assert real.spec.denormalize(real.test.values)[10_123 - 10_300, place] == pytest.approx(2.5, abs=1e-3)


def test_paths_as_people_write_them(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    vectors().to_parquet(tmp_path / "train.parquet")
    monkeypatch.chdir(tmp_path)
    for path in ("~/train.parquet", "~", ".", "./train.parquet", f"../{tmp_path.name}"):
        spec = RealData(path=path).setup().spec
        assert spec.num_rows == 8 and spec.source["path"] in ("train.parquet", tmp_path.name)
    (tmp_path / "od[d]*.csv").write_text("x\n1\n")
    assert "odd" not in str(write("csv", tmp_path / "csv"))
    shutil.copy(tmp_path / "csv" / "s.csv", tmp_path / "od[d]*.csv")
    assert SeriesData(path=str(tmp_path / "od[d]*.csv"), **SMALL).setup().spec.num_channels == 2


def test_paths_that_are_none(tmp_path):
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    for path, message in {
        "": "RealData.path is ''",
        "  ": "RealData.path is '  '",
        str(tmp_path / "loop"): "cannot be a path",
        str(tmp_path / ("n" * 300)): "cannot be a path: File name too long",
        "a\0b": "cannot be a path",
        "~nobody_at_all/x": "cannot be a path|no such file or folder",
        str(tmp_path / "none"): "no such file or folder",
    }.items():
        with pytest.raises(UserError, match=message) as caught:
            RealData(path=path).setup()
        assert str(caught.value).isprintable()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
@pytest.mark.parametrize("what", ["file", "folder"])
def test_what_may_not_be_read_is_named(tmp_path, what):
    vectors().to_parquet(tmp_path / "folder.x" if what == "folder" else tmp_path / "s.parquet")
    closed = tmp_path / "s.parquet" if what == "file" else tmp_path
    closed.chmod(0)
    try:
        with pytest.raises(UserError, match="Permission denied"):
            RealData(path=str(tmp_path / "s.parquet")).setup()
    finally:
        closed.chmod(0o700)


def test_the_split_that_is_distilled_does_not_test(tmp_path):
    DatasetDict(train=vectors(), test=vectors()).save_to_disk(tmp_path / "saved")
    with pytest.raises(UserError, match=r"data\.test_split is 'train', the split that is distilled"):
        RealData(path=str(tmp_path / "saved"), test_split="train").setup()


def test_an_empty_test_split_is_none(tmp_path):
    empty = vectors().select([])
    DatasetDict(train=vectors(), test=empty).save_to_disk(tmp_path / "saved")
    assert not RealData(path=str(tmp_path / "saved")).setup().has_test
    assert not RealData(path=str(tmp_path / "saved"), streaming=True).setup().has_test
    with pytest.raises(UserError, match="has no test split 'test'; it has train"):
        RealData(path=str(tmp_path / "saved"), test_split="test").setup()
    for test in (empty, vectors().to_iterable_dataset().filter(lambda row: False)):
        with pytest.raises(UserError, match="the test split: it is empty"):
            RealData.from_dataset(vectors(), test).setup()
    DatasetDict(train=empty).save_to_disk(tmp_path / "nothing")
    with pytest.raises(UserError, match="nothing has no rows"):
        RealData(path=str(tmp_path / "nothing")).setup()
