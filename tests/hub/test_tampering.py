"""Records that somebody has changed: a result or one line; benchmarks/attack_records.py tries all of it."""

from __future__ import annotations

import copy
import io
import json
import random
import subprocess
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import pytest

from hf_distill.cli.show import run as show
from hf_distill.errors import ArtifactError, UserError
from hf_distill.hub import DistilledDataset, render_card
from hf_distill.hub.exact import exact, exact_labels
from hf_distill.hub.record import read_record
from tests.hub.kinds import KINDS
from tests.hub.tampering import FILES, VALUES, paths, tampered

SAMPLE = 30


@pytest.fixture(scope="module", params=KINDS)
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return KINDS[request.param]().save_pretrained(tmp_path_factory.mktemp("kinds") / "set")


def uses(folder: Path) -> list[Any]:
    """Return everything that reads a set's record."""

    def load() -> None:
        loaded = DistilledDataset.from_pretrained(folder)
        loaded.codes()
        exact_labels(loaded.packed)
        exact(loaded.packed, loaded.spec)

    def card() -> None:
        record = read_record(folder)
        text = render_card(record)
        assert "\x1b" not in text and len(text) < 20_000 + 2 * len(json.dumps(record, ensure_ascii=False))

    def shown() -> None:
        with redirect_stdout(io.StringIO()) as out:
            show([str(folder)])
        assert "\x1b" not in out.getvalue() and len(out.getvalue()) < 20_000

    return [load, card, shown]


def attack(folder: Path, text: bytes, what: Any) -> list[str]:
    """Put a text in the record's place and return what the uses say, nothing for those that work."""
    record = folder / "distillation.json"
    good = record.read_bytes()
    record.write_bytes(text)
    said = []
    try:
        for use in uses(folder):
            try:
                use()
                said.append("")
            except (ArtifactError, UserError) as error:
                said.append(str(error))
                assert said[-1].isprintable() and len(said[-1]) < 1000, what
    finally:
        record.write_bytes(good)
    return said


def test_a_record_with_one_change(folder: Path) -> None:
    good = json.loads((folder / "distillation.json").read_text())
    cases = [(path, change) for path in paths(good) for change in ["delete", *VALUES]]
    refused = 0
    for path, change in random.Random(0).sample(cases, SAMPLE):
        refused += any(attack(folder, tampered(copy.deepcopy(good), path, change), (path, change)))
    assert refused > SAMPLE / 3, "most changes are seen"


@pytest.mark.parametrize("change", FILES)
def test_a_file_that_is_no_record(tmp_path: Path, change: str) -> None:
    folder = KINDS["images"]().save_pretrained(tmp_path / "set")
    assert all(attack(folder, FILES[change](folder / "distillation.json"), change))


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (("rows",), -1, "rows is -1 and must be a whole number, 1 or more"),
        (("spec", "std", 0), 0, "spec.std[0] is 0 and must be a number, 1e-30 or more"),
        (("spec", "mean", 0), float("nan"), "spec.mean[0] is nan and must be a number"),
        (("spec", "mean"), [0.5, 0.5], "must be 1 values"),
        (("spec", "shape", 1), 10**400, "spec.shape[1] is 1000000000"),
        (("spec", "classes", 1), "cat", "none comes twice"),
        (("bits", "codes", "data"), 1.5, "bits.codes.data is 1.5 and must be a whole number"),
        (("pictures", 0), "../../secret.png", "a plain file name ending in .png"),
        (("files", "codes/train-00000-of-00001.parquet", "sha256"), "x", "a SHA-256 digest"),
        (("evaluation", "rows", 0, "mean"), "x", "evaluation.rows[0].mean is 'x' and must be a number"),
        (("config", "a"), [[[]]] and json.loads("[" * 100 + "]" * 100), "nested deeper than 64"),
    ],
)
def test_what_the_line_says(tmp_path: Path, path: tuple[Any, ...], value: Any, said: str) -> None:
    folder = KINDS["images"]().save_pretrained(tmp_path / "set")
    record = json.loads((folder / "distillation.json").read_text())
    owner = record
    for key in path[:-1]:
        owner = owner[key]
    owner[path[-1]] = value
    assert all(said in line for line in attack(folder, json.dumps(record).encode(), path))


def test_times_that_there_are_none_of(tmp_path: Path) -> None:
    folder = KINDS["series"]().save_pretrained(tmp_path / "set")
    record = json.loads((folder / "distillation.json").read_text())
    for key, value in (("start", "x" * 10**6), ("start", "2016-13-01T00:00:00"), ("step", 1e11), ("start", 5)):
        changed = {**record, "spec": {**record["spec"], key: value}}
        assert all("spec.start" in line for line in attack(folder, json.dumps(changed).encode(), value))


@pytest.mark.parametrize("kind", ["entropy-coded", "images"])
def test_code_in_a_record_goes_no_further(tmp_path: Path, kind: str) -> None:
    folder = KINDS[kind]().save_pretrained(tmp_path / "set")
    record = folder / "distillation.json"
    values = json.loads(record.read_text())
    values["codes"]["meta"]["decoder"] = "__import__('os').system('evil')"  # where older versions put their decoder
    record.write_text(json.dumps(values))
    again = DistilledDataset.from_pretrained(folder).save_pretrained(tmp_path / "again")
    for text in (render_card(values), (again / "README.md").read_text(), (again / "distillation.json").read_text()):
        assert "evil" not in text


@pytest.mark.parametrize("place", ["name", "levels", "length", "of", "top", "inputs"])
def test_nothing_but_numbers_and_known_names_gets_to_the_decoder(tmp_path: Path, place: str) -> None:
    kind = {"length": "spectrum", "top": "soft labels"}.get(place, "quantized")
    record = json.loads((KINDS[kind]().save_pretrained(tmp_path / "set") / "distillation.json").read_text())
    meta, evil = record["codes"]["meta"], "1); __import__('os').system('evil'); (1"
    if place == "name":
        meta["variables"][evil] = meta["variables"].pop("pixels")
    elif place == "levels":
        meta["variables"]["pixels"]["levels"] = evil
    else:
        (meta["labels"] if place == "top" else meta)[place] = evil
    with pytest.raises(ArtifactError, match=r"codes\.meta"):
        render_card(record)


def test_show_reads_a_measured_set_without_torch(tmp_path: Path) -> None:
    folder = KINDS["images"]().save_pretrained(tmp_path / "set")
    code = (
        f"import sys; from hf_distill.cli.main import run; assert run(['show', {str(folder)!r}]) == 0\n"
        "from hf_distill.hub import record; assert not {'torch', 'datasets', 'pyarrow'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert "ConvNet" in done.stdout and "fid" in done.stdout
