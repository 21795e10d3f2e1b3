"""What aeon reads of an archive becomes a dataset whose rows are series of channels."""

from __future__ import annotations

import importlib.util
import sys
import types
from pathlib import Path

import numpy as np
import torch

from hf_distill.data import RealData

PATH = Path(__file__).parents[2] / "examples" / "ucr" / "write_ucr.py"
X = np.arange(24.0).reshape(4, 2, 3)


def test_a_split_is_written_as_it_is(tmp_path, monkeypatch):
    archive = {"train": (X, np.array(["run", "rest", "run", "rest"])), "test": (X[:1], np.array(["rest"]))}
    aeon = types.ModuleType("aeon.datasets")
    aeon.load_classification = lambda name, split: archive[split]
    monkeypatch.setitem(sys.modules, "aeon", types.ModuleType("aeon"))
    monkeypatch.setitem(sys.modules, "aeon.datasets", aeon)
    found = importlib.util.spec_from_file_location("write_ucr", PATH)
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    module.main("BasicMotions", str(tmp_path))
    real = RealData(path=str(tmp_path), time_axis="last").setup()
    assert real.spec.classes == ("rest", "run") and real.spec.shape == (2, 3)
    assert np.array_equal(real.train.raw(torch.arange(4)).numpy(), X) and real.train.labels.tolist() == [1, 0, 1, 0]
    assert real.test.labels.tolist() == [0]
