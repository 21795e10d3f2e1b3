"""Time and memory of harmonic distillation against the number of channels, on planted sensors.

`python benchmarks/many_channels.py --channels 86 860 8600`: writes a parquet file of so many sensors for each number,
distills it in a process of its own, and records the seconds of its processor (reading, choosing a start, a step) and
its peak memory. Sensors have daily and weekly cycles of shared shapes, slow common swings, and noise. Other options are
those of `hf-distill distill`.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from record import save

HERE = Path(__file__).parent
DAY, WEEK, BLOCK, SWINGS = 24, 168, 1000, 8
RUN = """
import json, resource, sys, time
sys.path.insert(0, {here!r})
from series_row import build
from hf_distill.methods import Run
objects = build(sys.argv[1:])
begun = time.process_time()
objects.data.setup()
read = time.process_time()
objects.method.fit(objects.data, Run(progress=False))
done = time.process_time()
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps([read - begun, done - read, peak]))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--channels", type=int, nargs="+", default=[86, 860, 8600])
    parser.add_argument("--lengths", type=int, nargs="+", default=[384], help="time steps of the set")
    parser.add_argument("--rows", type=int, default=20_000, help="time steps of the sensors")
    parser.add_argument("--steps", type=int, nargs=2, default=[10, 60], help="of two runs")
    parser.add_argument("--name", default="many_channels")
    args, rest = parser.parse_known_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for channels in args.channels:
            path = Path(folder, f"sensors_{channels}.parquet")
            write(path, channels, args.rows)
            for length in args.lengths:
                options = [f"--data.path={path}", f"--method.synthetic.length={length}", *rest]
                short, long = (run([*options, f"--method.steps={steps}"], folder) for steps in args.steps)
                each = (long[1] - short[1]) / (args.steps[1] - args.steps[0])
                rows.append(
                    {
                        "channels": channels,
                        "length": length,
                        "source MiB": args.rows * channels * 4 / 2**20,
                        "read s": min(short[0], long[0]),
                        "start s": max(short[1] - each * args.steps[0], 0.0),
                        "a step s": each,
                        "peak MiB": max(short[2], long[2]),
                    }
                )
                print(rows[-1], flush=True)
                title = f"Harmonic distillation of planted sensors, {args.rows:,} time steps"
                note = "Seconds of the processor; start: the piece and the first networks; memory of the process"
                save(args.name, rows, title=title, note=note)


def write(path: Path, channels: int, rows: int) -> None:
    """Write sensors, block by block."""
    generator = np.random.default_rng(0)
    turns = [1 / period for period in (DAY, DAY / 2, DAY / 3, WEEK, WEEK / 2)]
    weights = generator.normal(size=(2 * len(turns) + SWINGS, channels)).astype(np.float32)
    names = [f"sensor{number}" for number in range(channels)]
    schema = pa.schema([("time", pa.timestamp("s")), *((name, pa.float32()) for name in names)])
    swings = np.zeros(SWINGS)
    with pq.ParquetWriter(path, schema) as writer:
        for first in range(0, rows, BLOCK):
            at = np.arange(first, min(first + BLOCK, rows))
            waves = [wave(2 * np.pi * turn * at) for turn in turns for wave in (np.sin, np.cos)]
            walk = np.empty((len(at), SWINGS))
            for step in range(len(at)):
                swings = 0.99 * swings + 0.14 * generator.normal(size=SWINGS)
                walk[step] = swings
            shared = np.column_stack([*waves, walk]).astype(np.float32)
            values = shared @ weights + generator.standard_normal((len(at), channels), dtype=np.float32)
            times = pa.array(at.astype("i8") * 3600, pa.timestamp("s"))
            writer.write_table(pa.table([times, *np.ascontiguousarray(values.T)], schema=schema))


def run(options: list[str], cache: str) -> list[float]:
    """Return the seconds that reading and distilling took, and the peak memory in MiB, of a process of its own."""
    code = RUN.format(here=str(HERE))
    words = [sys.executable, "-c", code, f"--config={HERE.parent / 'configs' / 'hdt_etth1.yaml'}", *options]
    environment = {**os.environ, "PYTHONPATH": str(HERE.parent), "HF_DATASETS_CACHE": str(Path(cache, "cache"))}
    done = subprocess.run(words, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


if __name__ == "__main__":
    main()
