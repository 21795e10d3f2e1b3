"""Files of a set that somebody made to read others, to fill the memory or to last for ever."""

from __future__ import annotations

import hashlib
import io
import json
import os
import struct
import time
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image as PILImage

from hf_distill.data.png import encode_png
from hf_distill.errors import ArtifactError, UserError
from hf_distill.hub import DistilledDataset
from tests.hub.conftest import image_spec, make, png, vector_spec
from tests.hub_server import LoopbackHub

DEFAULT, CODES = "data/train-00000-of-00001.parquet", "codes/train-00000-of-00001.parquet"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make(image_spec(), pictures={"spectrum.png": png()}).save_pretrained(tmp_path / "set")


def refused(folder: Path) -> str:
    """Return the line that loading says, which must come at once."""
    start = time.process_time()
    with pytest.raises(ArtifactError) as caught:
        DistilledDataset.from_pretrained(folder)
    assert time.process_time() - start < 3
    assert str(caught.value).isprintable()
    return str(caught.value)


def replaced(folder: Path, name: str, data: bytes, rows: int | None = None) -> None:
    """Put other bytes in a table's place, and let the record say that they belong there."""
    (folder / name).write_bytes(data)
    path = folder / "distillation.json"
    record = json.loads(path.read_text())
    record["files"][name] |= {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    if rows is not None:
        record["files"][name]["rows"] = rows
        if name == DEFAULT:
            record["rows"] = rows
    path.write_text(json.dumps(record))


def parquet(table: pa.Table, **options: Any) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd", **options)
    return buffer.getvalue()


def images(pictures: list[bytes | None]) -> pa.Table:
    column = pa.array(
        [{"bytes": data, "path": None} for data in pictures], pa.struct({"bytes": "binary", "path": "string"})
    )
    return pa.table({"img": column, "kind": pa.array([0, 0, 1, 1, 2, 2][: len(pictures)], pa.int64())})


# Links


@pytest.mark.parametrize("name", ["pictures/spectrum.png", DEFAULT, CODES, "distillation.json", "decode.py"])
def test_a_link_that_leads_out_is_not_read(folder: Path, tmp_path: Path, name: str) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes((folder / name).read_bytes())
    (folder / name).unlink()
    (folder / name).symlink_to(secret)
    assert "leads out of its folder" in refused(folder)


def test_a_folder_that_leads_out_is_not_read(folder: Path, tmp_path: Path) -> None:
    os.rename(folder / "pictures", tmp_path / "elsewhere")
    (folder / "pictures").symlink_to(tmp_path / "elsewhere")
    assert "leads out of its folder" in refused(folder)


def test_links_inside_the_folder_are_read(folder: Path) -> None:
    os.rename(folder / "pictures" / "spectrum.png", folder / "kept.png")
    (folder / "pictures" / "spectrum.png").symlink_to("../kept.png")
    assert DistilledDataset.from_pretrained(folder).pictures == {"spectrum.png": png()}


def test_a_set_in_the_hubs_cache_is_links_to_its_blobs(hub: LoopbackHub, tmp_path: Path) -> None:
    make(image_spec(), pictures={"spectrum.png": png()}).push_to_hub("owner/linked")
    assert DistilledDataset.from_pretrained("owner/linked").pictures == {"spectrum.png": png()}
    # The same layout, but a link that leaves it: to another repository of the cache say.
    other = tmp_path / "datasets--owner--other" / "blobs"
    snapshot = tmp_path / "datasets--owner--set" / "snapshots" / "f"
    make(image_spec()).save_pretrained(snapshot)
    other.mkdir(parents=True)
    os.rename(snapshot / DEFAULT, other / "a")
    (snapshot / DEFAULT).symlink_to(other / "a")
    assert "leads out of its folder" in refused(snapshot)
    (tmp_path / "datasets--owner--set" / "blobs").mkdir()
    os.rename(other / "a", tmp_path / "datasets--owner--set" / "blobs" / "a")
    (snapshot / DEFAULT).unlink()
    (snapshot / DEFAULT).symlink_to("../../../blobs/a")
    assert len(DistilledDataset.from_pretrained(snapshot)) == 6


def test_a_pipe_a_folder_and_a_circle_are_no_files(folder: Path) -> None:
    for make_it in (os.mkfifo, os.mkdir, lambda path: os.symlink(path, path)):
        (folder / CODES).unlink(missing_ok=True) if not (folder / CODES).is_dir() else (folder / CODES).rmdir()
        make_it(folder / CODES)
        assert CODES in refused(folder)


# Pictures


def bomb(width: int, height: int) -> bytes:
    """A PNG that says to be huge, with next to no pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")
    )


def encoded(kind: str, mode: str = "L", size: tuple[int, int] = (6, 6)) -> bytes:
    buffer = io.BytesIO()
    PILImage.new(mode, size).save(buffer, format=kind)
    return buffer.getvalue()


BAD_PICTURES = {
    "huge": bomb(100_000, 100_000),
    "no PNG": b"#!/bin/sh\n",
    "empty": b"",
    "JPEG": encoded("JPEG"),
    "cut": encoded("PNG")[:40],
    "GIF": encoded("GIF"),
}


@pytest.mark.parametrize("kind", BAD_PICTURES)
def test_pictures_of_the_card_are_png(folder: Path, kind: str) -> None:
    (folder / "pictures" / "spectrum.png").write_bytes(BAD_PICTURES[kind])
    assert "pictures/spectrum.png" in refused(folder)
    with pytest.raises(UserError, match=r"a\.png: a picture"):
        make(image_spec(), pictures={"a.png": BAD_PICTURES[kind]})


@pytest.mark.parametrize(
    "picture",
    [*BAD_PICTURES.values(), encoded("PNG", size=(6, 7)), encoded("PNG", "RGB"), encoded("PNG", "1"), None],
    ids=[*BAD_PICTURES, "size", "mode", "one bit", "null"],
)
def test_samples_are_png_of_their_size(folder: Path, picture: bytes | None) -> None:
    good = encode_png(np.zeros((1, 6, 6), np.uint8))
    replaced(folder, DEFAULT, parquet(images([good] * 5 + [picture])))
    refused(folder)


# Tables


def many(rows: int) -> pa.Table:
    """Rows without number that take next to no bytes."""
    column = pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows, np.int8)), pa.array([b"x" * 2**20]))
    return pa.table({"codes": column, "label": pa.array(np.zeros(rows, np.int64))})


def zeros(rows: int) -> pa.Table:
    return pa.table({"codes": pa.array(np.zeros(rows, np.int8)), "label": pa.array(np.zeros(rows, np.int8))})


SAMPLES = images([encode_png(np.zeros((1, 6, 6), np.uint8))] * 6)
BOMBS: dict[str, tuple[str, bytes, int | None]] = {
    "a long value many times": (CODES, parquet(many(6000), store_schema=False), 6000),
    "a long value many times, as a dictionary": (CODES, parquet(many(6000)), 6000),
    "more rows than it says": (CODES, parquet(zeros(50)), None),
    "rows without number": (CODES, parquet(zeros(20_000_000)), 20_000_000),
    "samples without number": (DEFAULT, parquet(SAMPLES), 2**39),
    "another column": (CODES, parquet(zeros(6).append_column("more", [[1] * 6])), None),
    "no column": (CODES, parquet(zeros(6).select(["codes"])), None),
    "no parquet": (CODES, b"PAR1" + bytes(100) + b"PAR1", None),
    "empty": (CODES, b"", None),
    "classes that there are not": (DEFAULT, parquet(SAMPLES.set_column(1, "kind", [[0, 1, 2, 3, 4, -1]])), None),
}


@pytest.mark.parametrize("kind", BOMBS)
def test_tables_that_are_not_what_the_record_says(folder: Path, kind: str) -> None:
    replaced(folder, *BOMBS[kind])
    refused(folder)


def test_vectors_of_other_lengths(tmp_path: Path) -> None:
    folder = make(vector_spec()).save_pretrained(tmp_path / "set")
    for vectors in ([[0.0] * 5] * 3 + [[0.0] * 4], [[0.0] * 4] * 4, [[0.0] * 5] * 3 + [None], [["x"] * 5] * 4):
        replaced(folder, DEFAULT, parquet(pa.table({"label": ["no", "no", "yes", "yes"], "features": vectors})))
        refused(folder)


def test_codes_of_another_length(folder: Path) -> None:
    replaced(folder, CODES, parquet(pa.table({"codes": [b"abc"] * 6, "label": [0] * 6})))
    with pytest.raises(ArtifactError, match="codes do not fit their description"):
        DistilledDataset.from_pretrained(folder).codes()
