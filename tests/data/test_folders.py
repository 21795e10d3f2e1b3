"""Folders of files: which of them are a split, which a class, and what is measured on."""

from __future__ import annotations

import json
import random
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from datasets import ClassLabel, Dataset, DatasetDict, Features, Image, List, Value
from PIL import Image as PILImage

from hf_distill.data import RealData
from hf_distill.data.folders import split_of
from hf_distill.errors import UserError

TRAIN = ("train", "Train", "TRAIN", "training", "Training", "train_set", "seg_train")
TEST = ("test", "Test", "testing", "Testing", "test-data", "val", "Valid", "validation", "dev")
CLASSES = ("cat", "dog", "train", "test", "val", "dev board", "Gr\u00f6\u00dfe", "training wheels", "0")


def images(folder: Path, files: list[str]) -> None:
    """Write images, each of one grey, the number of the file in the list."""
    for value, name in enumerate(files):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        PILImage.fromarray(np.full((4, 4), value, np.uint8)).save(path)


def held(split, spec, files: list[str]) -> dict[str, str]:
    """The class of every file that a split holds."""
    values = split.raw(torch.arange(len(split)))[:, 0, 0, 0].tolist()
    return {files[value]: spec.classes[label] for value, label in zip(values, split.labels.tolist(), strict=True)}


@pytest.mark.parametrize("seed", range(30))
def test_folders_of_splits_hold_folders_of_classes(seed, tmp_path):
    choice = random.Random(seed)
    train, test = choice.choice(TRAIN), choice.choice(TEST)
    classes = choice.sample(CLASSES, 3)
    inner = choice.choice(("", "data/", "my set/images/"))
    names = [choice.choice(("photo", "test", "train")) + f"_{i}.{choice.choice(('png', 'PNG'))}" for i in range(2)]
    files = [f"{inner}{split}/{kind}/{name}" for split in (train, test) for kind in classes for name in names]
    images(tmp_path, files)
    real = RealData(path=str(tmp_path)).setup()
    assert real.spec.classes == tuple(sorted(classes))
    for split, part in ((train, real.train), (test, real.test)):
        expected = {name: name.split("/")[-2] for name in files if name.startswith(f"{inner}{split}/")}
        assert held(part, real.spec, files) == expected


@pytest.mark.parametrize("seed", range(20))
def test_folders_of_classes_are_one_split_whatever_they_are_called(seed, tmp_path):
    choice = random.Random(seed)
    classes = [*choice.sample(CLASSES, 3), "and another"]
    files = [f"{kind}/{choice.choice(('a', 'test', 'val'))}_{i}.png" for kind in classes for i in range(3)]
    images(tmp_path, files)
    real = RealData(path=str(tmp_path)).setup()
    assert held(real.train, real.spec, files) == {name: name.split("/")[0] for name in files} and not real.has_test


def test_images_without_classes_are_refused(tmp_path):
    images(tmp_path / "a", [f"{split}/{i}.png" for split in ("train", "test") for i in range(3)])
    with pytest.raises(UserError, match="the files of a are in test, train, without a folder for every class"):
        RealData(path=str(tmp_path / "a")).setup()
    images(tmp_path / "b", [f"train/{i}.png" for i in range(4)])
    table = pd.DataFrame({"file_name": [f"{i}.png" for i in range(4)], "breed": ["pug", "tabby"] * 2})
    table.to_csv(tmp_path / "b" / "train" / "metadata.csv", index=False)
    spec = RealData(path=str(tmp_path / "b")).setup().spec
    assert (spec.label_column, spec.classes, spec.class_counts) == ("breed", ("pug", "tabby"), (2, 2))


def test_names_of_splits():
    for name in (*TRAIN, "train.csv", "my_train.parquet", "train-00000-of-00001.parquet"):
        assert split_of(name) == "train"
    assert {split_of(name) for name in TEST} == {"test", "validation"}
    for name in ("trainer.csv", "contest.csv", "invalid", "developers", "restraining.csv"):
        assert split_of(name) is None


def rows(count: int, label: bool = True, **more) -> list[dict]:
    return [{"x": [float(i), 1.0], **({"label": "ab"[i % 2]} if label else {}), **more} for i in range(count)]


def write(path: Path, table: list[dict]) -> None:
    if path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in table))
    elif path.suffix == ".parquet":
        pd.DataFrame(table).to_parquet(path)
    else:
        flat = [{"x0": row["x"][0], "x1": row["x"][1], **{k: v for k, v in row.items() if k != "x"}} for row in table]
        pd.DataFrame(flat).to_csv(path, index=False)


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
@pytest.mark.parametrize(
    "names",
    [
        ("train", "test"),
        *(pytest.param(pair, marks=pytest.mark.slow) for pair in (("Train", "TEST"), ("my_train", "my_val"))),
    ],
)
def test_tables_of_two_splits_may_have_other_columns(tmp_path, suffix, names, caplog):
    train, test = (tmp_path / (name + suffix) for name in names)
    write(train, rows(10))
    write(tmp_path / f"sample_submission{suffix}", rows(3))
    write(test, rows(6, id=3))
    real = RealData(path=str(tmp_path)).setup()
    assert (len(real.train), len(real.test)) == (10, 6)
    for hidden in (rows(6, label=False), [{**row, "label": None} for row in rows(6)]):
        write(test, hidden)
        assert not RealData(path=str(tmp_path)).setup().has_test
        assert "has no labels in column 'label': it measures nothing" in caplog.text
        named = split_of(test.name)
        with pytest.raises(UserError, match=r"the test split: (there is no column 'label'|row 0 has no value)"):
            RealData(path=str(tmp_path), test_split=named).setup()
        real = RealData(path=str(tmp_path), test_fraction=0.3).setup()
        assert (len(real.train), len(real.test)) == (7, 3)


def test_hidden_labels_of_a_saved_set(tmp_path):
    features = Features({"x": List(Value("float32")), "label": ClassLabel(names=["a", "b"])})
    make = lambda labels: Dataset.from_dict({"x": [[1.0]] * len(labels), "label": labels}, features=features)  # noqa: E731
    DatasetDict(train=make([0, 1] * 5), test=make([-1] * 6)).save_to_disk(tmp_path / "set")
    assert not RealData(path=str(tmp_path / "set")).setup().has_test


@pytest.mark.parametrize("share", [0.1, 0.25, 0.5])
@pytest.mark.parametrize("seed", range(3))
def test_rows_are_held_out_of_every_class(share, seed):
    choice = random.Random(seed)
    labels = [choice.choice("aaaabbc") for _ in range(80)]
    table = Dataset.from_dict({"x": [[float(i), 0.5] for i in range(80)], "label": labels})
    real, again = (RealData.from_dataset(table, test_fraction=share).setup() for _ in range(2))
    seen = [part.values[:, 0].int().tolist() for part in (real.train, real.test)]
    assert sorted(seen[0] + seen[1]) == list(range(80)) and len(seen[1]) == round(80 * share)
    for part, numbers in ((real.train, seen[0]), (real.test, seen[1])):
        assert [real.spec.classes[label] for label in part.labels] == [labels[i] for i in numbers]
    for label, name in enumerate(real.spec.classes):
        assert abs(int((real.test.labels == label).sum()) - share * labels.count(name)) < 1
    assert torch.equal(again.test.values, real.test.values) and real.spec.source["test_fraction"] == share
    assert real.spec.num_rows == len(real.train)


def test_what_cannot_be_held_out(tmp_path):
    table = Dataset.from_list(rows(10))
    with pytest.raises(UserError, match=r"data\.test_fraction is 0\.01, which of 10 rows leaves a split empty"):
        RealData.from_dataset(table, test_fraction=0.01).setup()
    with pytest.raises(UserError, match=r"rows of a stream cannot be held out"):
        RealData.from_dataset(table.to_iterable_dataset(), test_fraction=0.5).setup()
    DatasetDict(train=table, test=table).save_to_disk(tmp_path / "set")
    with pytest.raises(UserError, match=r"there is a split 'test' to measure on: leave out --data\.test_fraction"):
        RealData(path=str(tmp_path / "set"), test_fraction=0.5).setup()
    with pytest.raises(UserError, match=r"RealData\.test_fraction is 1"):
        RealData(test_fraction=1)


def test_a_folder_that_is_made_again_is_read_again(tmp_path):
    card = "---\nconfigs:\n- config_name: default\n  data_files:\n  - split: train\n    path: train.parquet\n---\n"
    for first in (0.0, 5.0):
        write(tmp_path / "train.parquet", [{"x": [first + i, 1.0], "label": i % 2} for i in range(8)])
        (tmp_path / "README.md").write_text(card)
        assert float(RealData(path=str(tmp_path)).setup().train.values[0, 0]) == first


def test_columns_that_hold_images_without_saying_so(tmp_path):
    buffers = [(tmp_path / f"{i}.png") for i in range(6)]
    images(tmp_path, [path.name for path in buffers])
    data = [path.read_bytes() for path in buffers]
    columns = {
        "bytes": [{"bytes": one, "path": None} for one in data],
        "binary": data,
        "relative": [path.name for path in buffers],
        "absolute": [str(path) for path in buffers],
    }
    for name, values in columns.items():
        table = pd.DataFrame({"picture": values, "label": [0, 1] * 3})
        table.to_parquet(tmp_path / f"{name}.parquet")
        for options in ({}, {"input_column": "picture"}, {"streaming": True}):
            real = RealData(path=str(tmp_path / f"{name}.parquet"), **options).setup()
            assert real.spec.shape == (1, 4, 4) and Features.from_dict(real.spec.features)["picture"] == Image()
            if not options:
                assert real.train.values[:, 0, 0, 0].tolist() == list(range(6))


def test_structures_are_taken_apart_and_arrays_laid_out(tmp_path):
    numbers = np.random.default_rng(0).normal(size=(8, 2, 3))
    write(
        tmp_path / "s.jsonl", [{"x": [], "data": {"v": row.tolist(), "label": i % 2}} for i, row in enumerate(numbers)]
    )
    real = RealData(path=str(tmp_path / "s.jsonl"), input_column="data.v").setup()
    assert (real.spec.input_column, real.spec.label_column, real.spec.shape) == ("data.v", "data.label", (6,))
    assert torch.equal(real.train.values, torch.tensor(numbers.reshape(8, 6)).float())
