"""Chosen rows of a stream by the command line: time and memory against the number of rows.

    python benchmarks/stream_rows.py --rows 100_000 1_000_000

A folder of parquet files, 64 numbers and a sentence a row, is read as a stream twice: for the choice and for the rows.
Each command is a process of its own, whose peak memory holds all of torch and datasets too.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from record import save
from stream_coreset import blocks

COMMAND = ("distill", "--config=coreset_stream", "--data.path=source", "--progress=false", "--evaluate=false")
SPACES = {
    "ColumnFeatures": ("--method.features=ColumnFeatures", "--method.features.column=vector"),
    "HashedTextFeatures": (),
}


def write(folder: Path, rows: int, width: int) -> None:
    """Write the rows, a file for each block."""
    folder.mkdir()
    first = 0
    for place, x in enumerate(blocks(rows, width)):
        vectors = pa.FixedSizeListArray.from_arrays(pa.array(x.flatten().numpy()), width)
        words = [f"row {row} of word{row % 997} and word{row % 89}" for row in range(first, first + len(x))]
        pq.write_table(pa.table({"vector": vectors, "text": words}), folder / f"train-{place:05d}.parquet")
        first += len(x)


def measured(folder: Path, options: tuple[str, ...]) -> tuple[float, float]:
    """Return the seconds of a command and its peak memory in MiB."""
    started = time.perf_counter()
    command = [sys.executable, "-m", "hf_distill", *COMMAND, "--output_dir=set", "--overwrite=true", *options]
    child = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    assert status == 0
    return time.perf_counter() - started, usage.ru_maxrss / 1024


def main() -> None:
    """Run every command and save."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--width", type=int, default=64)
    args = parser.parse_args()
    found = []
    for rows in args.rows:
        with tempfile.TemporaryDirectory() as place:
            write(Path(place) / "source", rows, args.width)
            size = sum(file.stat().st_size for file in (Path(place) / "source").iterdir())
            for name, options in SPACES.items():
                seconds, memory = measured(Path(place), options)
                found.append({"rows": rows, "source_mib": round(size / 2**20, 1), "features": name,
                              "seconds": round(seconds, 1), "peak_mib": round(memory, 1)})  # fmt: skip
                print(found[-1], flush=True)
    save("stream_rows", found)


if __name__ == "__main__":
    main()
