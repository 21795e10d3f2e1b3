"""A column of tags becomes lists of labels that are read as several labels a row."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import torch
from datasets import Dataset, DatasetDict

from hf_distill.data import RealData

PATH = Path(__file__).parents[2] / "examples" / "tags" / "split_tags.py"


def test_rare_tags_and_rows_without_any_other_are_left_out(tmp_path):
    found = importlib.util.spec_from_file_location("split_tags", PATH)
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    train = {"x": [[1.0], [2.0], [3.0], [4.0]], "tags": ["cat, pet ,cat", "pet,dog", "", None]}
    source = DatasetDict(train=Dataset.from_dict(train), test=Dataset.from_dict({"x": [[5.0]], "tags": ["dog, pet"]}))
    module.load_dataset = lambda path: source
    module.main("any", str(tmp_path), least=2)
    real = RealData(path=str(tmp_path), label_column="tags").setup()
    assert real.spec.classes == ("pet",) and real.spec.target == "labels"
    assert torch.equal(real.train.raw(torch.arange(2)), torch.tensor([[1.0], [2.0]])) and len(real.test) == 1
