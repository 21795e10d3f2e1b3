"""The decoder that is published beside every set: one file, numpy alone, and nobody else's."""

from __future__ import annotations

import ast
import shutil
import tarfile
import warnings
from pathlib import Path

import numpy as np
import pytest
from datasets import load_dataset

from hf_distill import decode
from hf_distill.errors import UserError
from hf_distill.hub import DistilledDataset
from hf_distill.hub.exact import exact
from tests.hub.conftest import EVALUATION, Elsewhere
from tests.hub.kinds import KINDS

OWN = Path(decode.__file__).read_bytes()
OLDER = Path(__file__).with_name("sets_of_d772be6.tar.xz")
# Runs in a Python without hf_distill, on all sets in a folder at once: starting it takes longer than decoding.
SCRIPT = """
import json, pathlib, sys
import numpy as np
import pyarrow.parquet as pq
out = {{}}
for folder in sorted(pathlib.Path({folder!r}).iterdir()):
    sys.path.insert(0, str(folder))
    from decode import decode
    tables = [folder / name / "train-00000-of-00001.parquet" for name in ("codes", "labels")]
    rows = {{}}
    for table in tables:
        rows |= pq.read_table(table).to_pydict() if table.exists() else {{}}
    x, y, w = decode(json.load(open(folder / "distillation.json")), rows)
    np.savez(folder / "decoded.npz", x=x, w=w, **({{}} if y is None else {{"y": y}}))
    del sys.path[0], sys.modules["decode"]
    out[folder.name] = sorted(name for name in sys.modules if name.split(".")[0] in ("torch", "datasets"))
print(json.dumps(out))
"""


@pytest.fixture(scope="module")
def older(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sets of every kind as the library wrote them at commit d772be6, and what they stood for then."""
    folder = tmp_path_factory.mktemp("older")
    with tarfile.open(OLDER) as file:
        file.extractall(folder, filter="data")
    return folder


def test_the_file_needs_numpy_alone() -> None:
    imported = set()
    for node in ast.walk(ast.parse(OWN)):
        if isinstance(node, ast.Import):
            imported |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add(str(node.module))
    assert imported == {"__future__", "typing", "numpy"}


def test_every_kind_is_decoded_without_the_library_as_with_it(elsewhere: Elsewhere, tmp_path: Path) -> None:
    known = {kind: make for kind, make in KINDS.items() if not kind.startswith("series")}
    made = {kind: make() for kind, make in known.items()}
    for kind, dataset in made.items():
        folder = dataset.save_pretrained(tmp_path / "sets" / kind.replace(" ", "_"))
        assert (folder / "decode.py").read_bytes() == OWN
    assert set(map(tuple, elsewhere(SCRIPT.format(folder=str(tmp_path / "sets"))).values())) == {()}
    for kind, dataset in made.items():
        decoded = np.load(tmp_path / "sets" / kind.replace(" ", "_") / "decoded.npz")
        x, y, w = exact(dataset.packed, dataset.spec)
        assert np.array_equal(decoded["x"], x) and np.array_equal(decoded["w"], w), kind
        assert np.array_equal(decoded["y"], y) if y is not None else "y" not in decoded, kind
        assert np.array_equal(dataset.exact().x, x) and np.array_equal(dataset.exact().w, w), kind
        assert np.array_equal(dataset.w, w if y is not None else np.ones(len(dataset.w))), kind
        tolerance = (
            1e-5 if kind in ("spectrum", "coarse", "tones", "motion") else 0
        )  # which torch sums in another order
        assert np.abs(x - dataset.x.numpy()).max() <= tolerance, kind


def test_older_sets_load_and_decode_to_what_they_were(older: Path, tmp_path: Path) -> None:
    kinds = sorted(path for path in older.iterdir() if path.is_dir())
    assert len(kinds) == 15
    for folder in kinds:
        expected = np.load(folder / "expected.npz")
        loaded = DistilledDataset.from_pretrained(folder)
        assert np.array_equal(loaded.stored, expected["stored"]), folder.name
        x, y, w = exact(loaded.packed, loaded.spec)
        wanted = loaded.x.numpy() if folder.name == "generated" else expected["x"]  # that one's codes have 8 bits
        assert np.abs(x - wanted).max() < 1e-5 and (w == 1).all(), folder.name
        if y is None:
            assert not expected["y"].any(), folder.name
        elif "soft" in expected:
            assert np.array_equal(y, expected["soft"]) and np.array_equal(loaded.y, y.argmax(1)), folder.name
            assert np.array_equal(loaded.batch("soft").y, y), folder.name
        else:
            assert np.array_equal(y, expected["y"]) and np.array_equal(loaded.y, y), folder.name
        # Saved again they have a decoder of their own.
        again = loaded.save_pretrained(tmp_path / folder.name)
        assert (again / "decode.py").read_bytes() == OWN
        assert "from decode import decode" in (again / "README.md").read_text()


def test_an_older_set_that_is_measured_gets_the_decoder_that_its_card_names(older: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(older / "quantized_soft", tmp_path / "set"))
    DistilledDataset.from_pretrained(folder).add_evaluation(EVALUATION)
    assert (folder / "decode.py").read_bytes() == OWN
    assert "from decode import decode" in (folder / "README.md").read_text()


def test_a_strangers_decoder_is_not_run_and_not_passed_on(tmp_path: Path) -> None:
    folder = KINDS["quantized"]().save_pretrained(tmp_path / "set")
    (folder / "decode.py").write_text("raise SystemExit('evil')")
    with pytest.warns(UserWarning, match=r"decode\.py is not the one that this hf_distill writes"):
        loaded = DistilledDataset.from_pretrained(folder)
    exact(loaded.packed, loaded.spec)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        loaded.add_evaluation(EVALUATION)
        again = loaded.save_pretrained(tmp_path / "again")
        DistilledDataset.from_pretrained(again)
        DistilledDataset.from_pretrained(folder)
    assert (again / "decode.py").read_bytes() == (folder / "decode.py").read_bytes() == OWN


def test_a_set_is_not_called_as_its_decoder(tmp_path: Path) -> None:
    made = KINDS["quantized"]()
    for call in (lambda: made.save_pretrained(tmp_path / "decode"), lambda: made.push_to_hub("owner/decode")):
        with pytest.raises(UserError, match=r"cannot be called decode: load_dataset would take its decode\.py"):
            call()
    # Any other name is loaded by plain datasets.
    assert len(load_dataset(str(made.save_pretrained(tmp_path / "decoded")), "codes", split="train")) == 1
