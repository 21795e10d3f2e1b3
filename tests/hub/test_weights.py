"""Weights of samples and soft labels, from a set to whoever reads the files."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from datasets import ClassLabel, Features, List, Value, load_dataset

from hf_distill.errors import ArtifactError, DivergenceError
from hf_distill.hub import DistilledDataset
from hf_distill.hub.exact import exact
from hf_distill.hub.writing import write_contents
from hf_distill.labels import DenseLabels, FixedWeights, TopLabels
from hf_distill.synthetic import PixelSet, VectorSet
from tests.hub.conftest import Elsewhere, image_spec, vector_spec
from tests.hub.kinds import KINDS

W = [0.5, 1.5, 1.0, 0.25, 2.0, 0.75]  # which average 1


def weighted(w: list[float] = W, spec=None, **options) -> DistilledDataset:
    spec = spec or image_spec()
    synthetic = (PixelSet if spec.kind == "image" else VectorSet)(per_class=2, weights=FixedWeights(), **options)
    y = torch.arange(spec.num_classes).repeat_interleave(2)
    x = torch.randn(len(y), *spec.shape, generator=torch.Generator().manual_seed(0))
    synthetic.initialize(x, y, spec, torch.tensor(w))
    return DistilledDataset.from_synthetic(synthetic)


def test_a_column_says_how_much_a_sample_counts(tmp_path: Path) -> None:
    folder = weighted().save_pretrained(tmp_path / "set")
    table = load_dataset(str(folder), split="train")
    assert list(table.features) == ["img", "kind", "weight"] and table.features["weight"] == Value("float32")
    assert table["weight"][:] == W and table["kind"][:] == [0, 0, 1, 1, 2, 2]
    loaded = DistilledDataset.from_pretrained(folder)
    assert loaded.batch().w.tolist() == W and exact(loaded.packed, loaded.spec)[2].tolist() == W
    # 6 samples: 36 pixels of 8 bits, a label of 2, and a weight of 32 in either config
    assert loaded.bits["default"].total == 6 * (36 * 8 + 2 + 32) and loaded.bits["default"].side == 6 * 32
    assert loaded.bits["codes"].total == 6 * (36 * 32 + 2 + 32)
    again = loaded.save_pretrained(tmp_path / "again")
    for path in folder.rglob("*.*"):
        assert path.read_bytes() == (again / path.relative_to(folder)).read_bytes(), path


def test_weights_that_say_nothing_are_no_column(tmp_path: Path) -> None:
    folder = weighted([1.0] * 6).save_pretrained(tmp_path / "set")
    assert load_dataset(str(folder), split="train").column_names == ["img", "kind"]
    assert json.loads((folder / "distillation.json").read_text())["layout"] == {}
    loaded = DistilledDataset.from_pretrained(folder)
    assert loaded.batch().w.tolist() == [1] * 6 and loaded.bits["default"].side == 0


@pytest.mark.parametrize(("column", "name"), [("weight", "sample_weight"), ("features", "weight")])
def test_a_source_with_a_column_of_that_name_keeps_it(tmp_path: Path, column: str, name: str) -> None:
    features = Features({column: List(Value("float32")), "label": ClassLabel(names=["a", "b", "c"])})
    spec = replace(
        vector_spec(), input_column=column, classes=("a", "b", "c"), label_values=None, features=features.to_dict()
    )
    folder = weighted(spec=spec).save_pretrained(tmp_path / "set")
    assert load_dataset(str(folder), split="train").column_names == [column, "label", name]
    assert DistilledDataset.from_pretrained(folder).w.tolist() == W


@pytest.mark.parametrize("bad", [0.0, -1.0, float("nan"), float("inf")])
def test_weights_that_are_none_are_neither_written_nor_read(tmp_path: Path, bad: float) -> None:
    made = weighted()
    made.save_pretrained(tmp_path / "set")
    made.w[2] = bad
    with pytest.raises(DivergenceError, match="not all weights of its samples are positive"):
        made.save_pretrained(tmp_path / "set")
    write_contents(made, tmp_path / "bad", check="nothing")
    with pytest.raises(ArtifactError, match="column 'weight' holds weights that are not positive"):
        DistilledDataset.from_pretrained(tmp_path / "bad")


def test_a_column_has_the_class_probabilities(tmp_path: Path) -> None:
    """Those that the codes are read as, so that a plain reader trains on what is measured as soft."""
    made = weighted(labels=TopLabels(top=2))
    folder = made.save_pretrained(tmp_path / "set")
    table = load_dataset(str(folder), split="train")
    assert table.features["soft_label"] == List(Value("float32")) and table["kind"][:] == made.y.tolist()
    loaded = DistilledDataset.from_pretrained(folder)
    assert np.array_equal(np.array(table["soft_label"][:], "f4"), loaded.batch("soft").y.numpy())
    assert loaded.layout == {"weight": "weight", "soft": "soft_label"}
    assert "column `soft_label`: `y = torch.tensor(data[" in (folder / "README.md").read_text()
    again = loaded.save_pretrained(tmp_path / "again")
    for path in folder.rglob("*.*"):
        assert path.read_bytes() == (again / path.relative_to(folder)).read_bytes(), path
    # Who trains on the labels alone does not read it.
    assert loaded.bits["default"] == weighted().bits["default"]
    assert weighted().layout == {"weight": "weight"} and "soft" not in KINDS["views"]().layout


def test_a_record_that_names_the_column_of_the_source_is_refused(tmp_path: Path) -> None:
    folder = weighted(labels=TopLabels(top=2)).save_pretrained(tmp_path / "set")
    record = json.loads((folder / "distillation.json").read_text())
    record["layout"]["soft"] = "kind"
    (folder / "distillation.json").write_text(json.dumps(record))
    with pytest.raises(ArtifactError, match=r"layout\.soft"):
        DistilledDataset.from_pretrained(folder)


@pytest.mark.slow
def test_the_cards_lines_use_weights_and_decode_soft_labels(tmp_path: Path, elsewhere: Elsewhere) -> None:
    made = weighted(labels=DenseLabels())
    folder = made.save_pretrained(tmp_path / "set")
    card = (folder / "README.md").read_text()
    assert "The labels here are the likeliest classes" in card
    _, train, decode = re.findall(r"```python\n(.*?)```", card, re.S)
    code = f"{train}\nread = w.tolist()\n{decode}\nprint(json.dumps([read, x.tolist(), y.tolist(), w.tolist()]))"
    read, x, y, w = elsewhere(code.replace("path/to/this/folder", str(folder)))
    assert read == w == W and np.array_equal(np.array(x, "f4"), made.x)
    assert np.array_equal(np.array(y, "f4"), made.batch("soft").y)


def test_views_are_training_samples(tmp_path: Path) -> None:
    made = KINDS["views"]()
    loaded = DistilledDataset.from_pretrained(made.save_pretrained(tmp_path / "set"))
    hard, soft = loaded.batch(), loaded.batch("soft")
    assert len(hard) == 6 and len(soft) == 18 and soft.y.shape == (18, 3)
    assert torch.equal(soft.x[::3], hard.x) and torch.equal(soft.w[::3], hard.w)
    assert torch.equal(soft.hard[::3], hard.y) and not torch.equal(soft.x[1], soft.x[0])
