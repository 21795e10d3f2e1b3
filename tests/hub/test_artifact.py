from __future__ import annotations

import json
import re
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from datasets import load_dataset

from hf_distill.errors import ArtifactError, UserError
from hf_distill.hub import DistilledDataset
from hf_distill.synthetic.pixel import PixelSet
from tests.hub.conftest import EVALUATION, Elsewhere, image_spec, make, png, vector_spec

DEFAULT = "data/train-00000-of-00001.parquet"
CODES = "codes/train-00000-of-00001.parquet"
SPECS = {
    "grey": image_spec(1),
    "colour": image_spec(3, 9),
    "float32": vector_spec("float32"),
    "float64": vector_spec("float64"),
    "int": vector_spec("int32"),
}


@pytest.mark.parametrize("name", SPECS)
def test_round_trip(name: str, tmp_path: Path) -> None:
    saved = make(SPECS[name], seed=3, timing={"seconds": 1.5}, history=[{"step": 1, "loss": 2.0}], citations=["@x{y}"])
    saved.save_pretrained(tmp_path / "set")
    loaded = DistilledDataset.from_pretrained(tmp_path / "set")
    assert loaded.spec == saved.spec
    np.testing.assert_array_equal(loaded.stored, saved.stored)
    torch.testing.assert_close(loaded.x, saved.spec.normalize(torch.from_numpy(saved.stored)), rtol=0, atol=0)
    assert loaded.y.tolist() == saved.y.tolist()
    assert loaded.packed == saved.packed and loaded.bits == saved.bits
    for key in ("config", "recipe", "seed", "timing", "history", "citations", "versions", "evaluation"):
        assert getattr(loaded, key) == getattr(saved, key), key
    assert set(saved.versions) >= {"python", "torch", "datasets", "pyarrow"}
    # Saving what was loaded changes no byte.
    loaded.save_pretrained(tmp_path / "again")
    for path in (tmp_path / "set").rglob("*.*"):
        if path.is_file():
            assert path.read_bytes() == (tmp_path / "again" / path.relative_to(tmp_path / "set")).read_bytes(), path


@pytest.mark.parametrize("name", SPECS)
def test_codes_are_exact(name: str, tmp_path: Path) -> None:
    saved = make(SPECS[name])
    saved.save_pretrained(tmp_path / "set")
    codes = DistilledDataset.from_pretrained(tmp_path / "set").codes()
    torch.testing.assert_close(codes["codes"], saved.x, rtol=0, atol=0)
    assert codes["label"].tolist() == saved.y.tolist()


def test_bits(images: DistilledDataset) -> None:
    values = 6 * 6 * 6  # samples, height, width
    assert images.bits["default"].total == values * 8 + 6 * 2
    assert images.bits["codes"].total == values * 32 + 6 * 2
    assert make(vector_spec("float64")).bits["default"].total == 4 * 5 * 64 + 4


def test_published_values_are_clipped(images: DistilledDataset, tmp_path: Path) -> None:
    images.save_pretrained(tmp_path / "set")
    loaded = DistilledDataset.from_pretrained(tmp_path / "set")
    low, high = images.spec.limits(images.x)
    assert (images.x > high).any()
    assert (loaded.x <= high + 1e-6).all() and (loaded.x >= low - 1e-6).all()


def test_soft_labels_publish_the_likeliest_class(images: DistilledDataset) -> None:
    soft = torch.nn.functional.one_hot(images.y, 3) * 0.7 + 0.1
    dataset = DistilledDataset(images.spec, images.x, soft, images.packed, images.bits["codes"])
    assert dataset.y.tolist() == images.y.tolist()


def test_plain_datasets_reads_the_folder_without_the_library(
    images: DistilledDataset, elsewhere: Elsewhere, tmp_path: Path
) -> None:
    folder = images.save_pretrained(tmp_path / "set")
    vectors = make(vector_spec("float64")).save_pretrained(tmp_path / "vectors")
    read = elsewhere(f"""
import json, numpy as np
from datasets import load_dataset
out = {{}}
default = load_dataset({str(folder)!r}, split="train")
out["pixels"] = [np.asarray(image).tolist() for image in default["img"]]
out["labels"] = default["kind"][:]
out["features"] = default.features.to_dict()
stream = load_dataset({str(folder)!r}, split="train", streaming=True)
out["stream"] = [np.asarray(row["img"]).tolist() for row in stream]
codes = load_dataset({str(folder)!r}, "codes", split="train")
out["codes"] = [np.frombuffer(row, "<f4").tolist() for row in codes["codes"]]
vectors = load_dataset({str(vectors)!r}, split="train")
out["vectors"], out["values"] = vectors["features"][:], vectors["label"][:]
out["vector_features"] = vectors.features.to_dict()
print(json.dumps(out))
""")
    assert read["pixels"] == read["stream"] == images.stored[:, 0].tolist()
    assert read["labels"] == images.y.tolist()
    assert read["features"] == images.spec.features
    assert read["codes"] == images.x.flatten(1).tolist()
    loaded = make(vector_spec("float64"))
    assert read["vectors"] == loaded.stored.tolist()
    assert read["values"] == ["no", "no", "yes", "yes"]
    assert read["vector_features"] == loaded.spec.features


def test_the_table_in_memory_is_the_published_one(images: DistilledDataset, tmp_path: Path) -> None:
    folder = images.save_pretrained(tmp_path / "set")
    memory, disk = images.to_dataset(), load_dataset(str(folder), split="train")
    assert memory.features == disk.features
    assert [np.asarray(row["img"]).tolist() for row in memory] == [np.asarray(row["img"]).tolist() for row in disk]


def test_an_evaluation_changes_texts_alone(images: DistilledDataset, tmp_path: Path) -> None:
    folder = images.save_pretrained(tmp_path / "set")
    (folder / "notes.txt").write_text("mine")
    before = {name: (folder / name).read_bytes() for name in (DEFAULT, CODES, "preview.png")}
    DistilledDataset.from_pretrained(folder).add_evaluation(EVALUATION)
    assert {name: (folder / name).read_bytes() for name in before} == before
    assert (folder / "notes.txt").read_text() == "mine"
    assert json.loads((folder / "evaluation.json").read_text()) == EVALUATION
    assert "91.2 ± 0.4 %" in (folder / "README.md").read_text()
    assert DistilledDataset.from_pretrained(folder).evaluation == EVALUATION


def test_an_evaluation_replaces_the_pictures_of_the_last_one(images: DistilledDataset, tmp_path: Path) -> None:
    images.pictures = {"spectrum.png": png(1)}
    folder = images.save_pretrained(tmp_path / "set")
    images.add_evaluation(EVALUATION, {"old.png": png(2)})
    again = DistilledDataset.from_pretrained(folder)
    assert again.pictures == {"spectrum.png": png(1), "old.png": png(2)}
    again.add_evaluation(EVALUATION, {"new.png": png(3)})
    assert {path.name: path.read_bytes() for path in (folder / "pictures").iterdir()} == {
        "spectrum.png": png(1),
        "new.png": png(3),
    }
    card = (folder / "README.md").read_text()
    assert "](pictures/spectrum.png)" in card and "](pictures/new.png)" in card and "old.png" not in card
    again.save_pretrained(tmp_path / "copy")
    DistilledDataset.from_pretrained(tmp_path / "copy").add_evaluation(EVALUATION)
    assert [path.name for path in (tmp_path / "copy" / "pictures").iterdir()] == ["spectrum.png"]
    with pytest.raises(UserError, match="cannot be called"):
        again.add_evaluation(EVALUATION, {"../up.png": b""})


def test_a_new_set_drops_the_old_evaluation(images: DistilledDataset, tmp_path: Path) -> None:
    folder = images.save_pretrained(tmp_path / "set")
    images.add_evaluation(EVALUATION)
    (folder / "checkpoints").mkdir()
    make(image_spec(), seed=1).save_pretrained(folder)
    assert not (folder / "evaluation.json").exists()
    assert (folder / "checkpoints").is_dir()
    with pytest.raises(ArtifactError, match="another set"):
        images.add_evaluation(EVALUATION)


def test_saves_beside_checkpoints_but_not_over_foreign_files(images: DistilledDataset, tmp_path: Path) -> None:
    (tmp_path / "run" / "checkpoints").mkdir(parents=True)
    images.save_pretrained(tmp_path / "run")
    assert (tmp_path / "run" / "checkpoints").is_dir()
    (tmp_path / "home" / "data").mkdir(parents=True)
    with pytest.raises(UserError, match="not empty"):
        images.save_pretrained(tmp_path / "home")


def _replace(folder: Path, name: str, change: str) -> None:
    path = folder / name
    data = path.read_bytes()
    path.unlink()
    if change == "cut":
        path.write_bytes(data[: len(data) // 2])
    elif change == "flip":
        path.write_bytes(data[:200] + bytes([data[200] ^ 1]) + data[201:])


@pytest.mark.parametrize("change", ["missing", "cut", "flip"])
@pytest.mark.parametrize("name", [DEFAULT, CODES])
def test_damaged_tables_are_named(images: DistilledDataset, tmp_path: Path, name: str, change: str) -> None:
    folder = images.save_pretrained(tmp_path / "set")
    _replace(folder, name, change)
    with pytest.raises(ArtifactError, match=re.escape(name)) as caught:
        DistilledDataset.from_pretrained(folder)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda record: None, "is missing"),
        (lambda record: record[: len(record) // 2], "cannot be read"),
        (lambda record: "[]", "no format_version"),
        (lambda record: record.replace('"format_version": 1', '"format_version": 99'), "pip install -U"),
        (lambda record: record.replace('"bits"', '"bytes"'), "incomplete, without bits"),
        (lambda record: record.replace('"input_column": "img"', '"input_column": "x"'), "does not describe"),
        (lambda record: record.replace('"task"', '"tusk"'), "does not describe"),
        (lambda record: record.replace('"rows": 6,\n  "bits"', '"rows": 7,\n  "bits"'), "rows is 6 and must be 7"),
    ],
)
def test_damaged_records(images: DistilledDataset, tmp_path: Path, change, message: str) -> None:
    path = images.save_pretrained(tmp_path / "set") / "distillation.json"
    text = change(path.read_text())
    if text is None:
        path.unlink()
    else:
        path.write_text(text)
    with pytest.raises(ArtifactError, match=message):
        DistilledDataset.from_pretrained(tmp_path / "set")


def test_bad_places(images: DistilledDataset, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no folder .*nothing"):
        DistilledDataset.from_pretrained(tmp_path / "nothing")
    with pytest.raises(UserError, match="leave it out"):
        DistilledDataset.from_pretrained(images.save_pretrained(tmp_path / "set"), revision="main")


FULL_DISK = """
import resource, sys
import torch
from tests.hub.conftest import image_spec, make
from hf_distill.errors import UserError
torch.set_num_threads(1)
# The system refuses to write more than this into one file, as a full disk does at some point of a save.
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
try:
    make(image_spec(side=24), per_class=8, seed=1).save_pretrained(sys.argv[1])
except UserError as error:
    print(error)
"""


@pytest.mark.slow
def test_a_full_disk_leaves_the_old_set_whole(images: DistilledDataset, tmp_path: Path) -> None:
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[1] == resource.RLIM_INFINITY
    folder = images.save_pretrained(tmp_path / "set")
    argv = [sys.executable, "-c", FULL_DISK, str(folder), "8192"]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.startswith(f"cannot write {folder}: ") and done.stdout.count("\n") == 1
    np.testing.assert_array_equal(DistilledDataset.from_pretrained(folder).stored, images.stored)
    assert [entry.name for entry in tmp_path.iterdir()] == ["set"]


def test_from_synthetic_takes_a_learned_set() -> None:
    synthetic = PixelSet(per_class=1)
    synthetic.initialize(torch.randn(3, 1, 6, 6), torch.arange(3), image_spec())
    dataset = DistilledDataset.from_synthetic(synthetic, config=synthetic.config(), seed=4)
    assert not dataset.x.requires_grad and len(dataset) == 3
    assert dataset.config["class_path"] == "PixelSet" and dataset.seed == 4
    assert dataset.batch().w.tolist() == [1, 1, 1]
