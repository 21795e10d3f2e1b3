"""Tensors as large as a set: rooms that are files, and work that is done some rows at a time."""

import errno
import os
import tempfile

import pyarrow as pa
import pytest
import torch

from hf_distill import large
from hf_distill.large import mapped, room, slices, spans, table_room

FLOATS = torch.empty(0)


def test_what_is_large_is_a_file(monkeypatch):
    opened, file = [], tempfile.TemporaryFile
    monkeypatch.setattr(large, "LARGE", 64)
    monkeypatch.setattr(large.tempfile, "TemporaryFile", lambda: opened.append(file()) or opened[-1])
    assert room(15, like=FLOATS).shape == (15,) and not opened  # 60 bytes
    whole = room(4, 4, like=FLOATS).fill_(2)
    assert len(opened) == 1 and whole.dtype == torch.float32 and whole.sum() == 32
    assert room(64, like=torch.empty(0, dtype=torch.uint8)).dtype == torch.uint8 and len(opened) == 2


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="files cannot be given their room beforehand")
def test_a_full_disk_is_an_error_before_the_work(monkeypatch):
    def full(*args):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(large, "LARGE", 64)
    monkeypatch.setattr(large.os, "posix_fallocate", full)
    with pytest.raises(OSError, match="No space"):
        room(16, like=FLOATS)


def test_rows_are_made_some_at_a_time(monkeypatch):
    seen = []

    def doubled(part):
        seen.append(len(part))
        return 2 * part.double()

    x = torch.arange(40.0).view(10, 4)
    assert torch.equal(mapped(doubled, x), 2 * x.double()) and seen == [10]
    monkeypatch.setattr(large, "LARGE", 64)  # four rows of 16 bytes
    assert torch.equal(mapped(doubled, x), 2 * x.double()) and seen == [10, 1, 4, 4, 2]
    assert list(slices(x)) == [slice(0, 4), slice(4, 8), slice(8, 10)]
    assert list(spans(0, 5)) == [slice(0, 0)]


def test_a_table_is_that_of_its_batches(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    table = pa.table({"codes": [b"a", b"bc", None], "label": [1, 2, 3]})
    kept = table_room(iter(table.to_batches(max_chunksize=2)), table.schema)
    assert kept.equals(table) and kept["codes"].num_chunks == 2
    assert not list(tmp_path.iterdir())  # the file has no name any more
