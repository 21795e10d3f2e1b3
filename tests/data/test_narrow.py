"""Some columns of a table are those of `Dataset.select_columns`, in time that does not grow with columns squared."""

from __future__ import annotations

from pathlib import Path

import pytest
from datasets import Dataset, Features, concatenate_datasets
from datasets.table import Table

from hf_distill.data.narrow import narrowed
from hf_distill.data.real import RealData


def table(rows: range) -> Dataset:
    return Dataset.from_dict({"a": list(rows), "b": [str(row) for row in rows], "c": [[row, 1.5] for row in rows]})


@pytest.fixture(params=["one block", "blocks", "chosen rows", "side by side", "mapped"])
def some(request: pytest.FixtureRequest, tmp_path: Path) -> Dataset:
    other = {"a": "d", "b": "e", "c": "f"}
    blocks = concatenate_datasets([table(range(5)), table(range(5, 9))])
    if request.param == "mapped":
        blocks.save_to_disk(tmp_path / "saved", num_shards=2)
    return {
        "one block": lambda: table(range(9)),
        "blocks": lambda: blocks,
        "chosen rows": lambda: blocks.select([7, 0, 5]),
        "side by side": lambda: concatenate_datasets([blocks, table(range(9)).rename_columns(other)], axis=1),
        "mapped": lambda: Dataset.load_from_disk(tmp_path / "saved"),
    }[request.param]()


@pytest.mark.parametrize("columns", [["b"], ["c", "a"], ["a", "b", "c"]])
def test_as_select_columns(some: Dataset, columns: list[str]) -> None:
    ours, theirs = narrowed(some, columns), some.select_columns(columns)
    assert ours.column_names == columns and ours.features == theirs.features
    assert ours[:] == theirs[:] and ours.with_format("arrow")[1:3].to_pydict() == theirs[1:3]
    assert ours._fingerprint == narrowed(some, columns)._fingerprint != some._fingerprint
    assert len(ours.cache_files) == len(some.cache_files), "a file that is mapped stays mapped"


def test_a_thousand_columns_in_many_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """The names of a block are listed a few times, not once for each column."""
    wide = concatenate_datasets([Dataset.from_dict({f"x{k}": [k] for k in range(1000)}) for _ in range(5)])
    listed = 0

    def counted(self: Table) -> list[str]:
        nonlocal listed
        listed += 1
        return list(self.table.column_names)

    monkeypatch.setattr(Table, "column_names", property(counted))
    assert narrowed(wide, [f"x{k}" for k in range(0, 1000, 2)]).num_columns == 500
    assert listed < 50


def test_a_wide_table_is_read_in_time_linear_in_its_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    """`Dataset.features` is a copy of all features: it is made a few times, not once for each column."""
    copies = 0
    made = Features.copy

    def counted(self: Features) -> Features:
        nonlocal copies
        copies += 1
        return made(self)

    monkeypatch.setattr(Features, "copy", counted)
    wide = Dataset.from_dict({**{f"x{k}": [k, 1.5, 2.5, 3.5] for k in range(300)}, "label": ["a", "b", "a", "b"]})
    assert RealData.from_dataset(wide, wide).setup().spec.shape == (300,)
    assert copies < 100
