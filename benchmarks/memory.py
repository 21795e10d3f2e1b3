"""Peak memory of the commands on 20, 60 and 200 thousand images of 32x32x3, by storage, and of 2,000 classes.

python benchmarks/memory.py [--rows 20000 60000 200000] [--code FOLDER]: makes parquet files of noise in a temporary
folder, runs ``distill`` and ``evaluate`` in processes of their own, with a fresh cache of ``datasets`` each, and looks
at them every 10 ms. What counts is *anonymous* memory, which the system cannot take back; pages of a memory-mapped
Arrow table stand in ``with mapped`` too, and are given back when anybody needs room. ``above fixed`` is what it takes
more than the same command on a thousand rows: the libraries, the network and one step are fixed. ``--code`` measures
another checkout, ``--before`` sets its anonymous memory beside.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import yaml
from datasets import ClassLabel, Features, Image
from PIL import Image as PILImage
from record import save

SIDE = 32
RAW = SIDE * SIDE * 3
MIB = 2**20
FIXED = 1000
NETWORK = {"class_path": "ConvNet", "init_args": {"width": 16, "depth": 2}}


def config(options: argparse.Namespace) -> dict[str, Any]:
    """Return a short distillation and a short measurement with a small network."""
    pool = {"class_path": "FreshNetworks", "init_args": {"network": NETWORK}}
    objective = {"pool": pool, "real_per_class": options.real_per_class}
    method = {
        "synthetic": {"class_path": "PixelSet", "init_args": {"per_class": 1}},
        "initial": {"class_path": "RealSamples"},
        "objective": {"class_path": "DistributionMatching", "init_args": objective},
        "steps": 3,
    }
    evaluator = {"networks": [NETWORK], "seeds": 1, "recipe": {"steps": 30}, "full_steps": 30}
    return {
        "method": {"class_path": "OptimizedDistillation", "init_args": method},
        "evaluator": {"class_path": "ClassificationEvaluator", "init_args": evaluator},
        "progress": False,
    }


def make(folder: Path, rows: int, classes: int) -> None:
    """Write ``train.parquet`` and a small ``test.parquet``; noise, since memory does not ask what is on an image."""
    generator = np.random.default_rng(0)
    features = Features({"image": Image(), "label": ClassLabel(num_classes=classes)})
    noise = generator.integers(0, 256, (500, SIDE, SIDE, 3), dtype=np.uint8)
    encoded = [png(array) for array in noise]
    folder.mkdir()
    for name, count in (("train", rows), ("test", min(rows, 1000))):
        with pq.ParquetWriter(folder / f"{name}.parquet", features.arrow_schema, use_dictionary=False) as writer:
            for start in range(0, count, 1000):
                here = range(start, min(start + 1000, count))
                images = [{"bytes": encoded[row % len(encoded)], "path": None} for row in here]
                labels = [row % classes for row in here]
                writer.write_table(pa.table({"image": images, "label": labels}, schema=features.arrow_schema))


def png(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    PILImage.fromarray(array).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def watched(words: list[str], code: Path, work: Path) -> dict[str, float]:
    """Run a command and return its peaks in MiB and its seconds."""
    cache = work / "cache"
    shutil.rmtree(cache, ignore_errors=True)
    environment = {**os.environ, "PYTHONPATH": str(code), "HF_HOME": str(cache), "HF_HUB_OFFLINE": "1"}
    started = time.perf_counter()
    with open(work / "log", "w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "hf_distill", *words], env=environment, cwd=work, stdout=log, stderr=log
        )
        anonymous = whole = 0.0
        while process.poll() is None:
            now = status(process.pid)
            anonymous = max(anonymous, now.get("RssAnon", 0) / 1024)
            whole = max(whole, now.get("VmHWM", 0) / 1024)
            time.sleep(0.01)
    if process.returncode:
        raise SystemExit(f"{' '.join(words)} failed:\n{(work / 'log').read_text()}")
    return {"anonymous": anonymous, "with mapped": whole, "seconds": time.perf_counter() - started}


def status(pid: int | str) -> dict[str, int]:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return {}
    return {key: int(value.split()[0]) for key, value in (line.split(":") for line in lines) if value.endswith("kB")}


def measure(
    work: Path, data: Path, rows: int, classes: int, about: str, words: list[str], code: Path
) -> dict[str, Any]:
    """Return a row of the table."""
    if words[0] == "distill":
        shutil.rmtree(work / "out", ignore_errors=True)
        shutil.rmtree(work / "out.run", ignore_errors=True)
    found = watched([*words, f"--data.path={data}"], code, work)
    row = {"what": about, "rows": rows, "classes": classes, "raw": rows * RAW / MIB, **found}
    print({key: round(value) if isinstance(value, float) else value for key, value in row.items()}, flush=True)
    return row


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, nargs="*", default=[20_000, 60_000, 200_000])
    parser.add_argument("--many_classes", type=int, default=2000)
    parser.add_argument("--real_per_class", type=int, default=16)
    parser.add_argument("--name", default="memory")
    parser.add_argument("--before", type=Path, help="results/NAME.json of an earlier commit, to stand beside")
    parser.add_argument("--code", type=Path, default=Path(__file__).resolve().parent.parent)
    options = parser.parse_args()
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="memory_") as folder:
        work = Path(folder)
        (work / "config.yaml").write_text(yaml.safe_dump(config(options)))
        distill = ["distill", "--config=config.yaml", "--output_dir=out"]
        evaluate = ["evaluate", "out", "--progress=false"]
        for count in (FIXED, *options.rows):
            make(data := work / "data", count, 10)
            for name, words in {
                "stream": ["--data.streaming=true"],
                "arrow": ["--data.storage=arrow"],
                "memory": ["--data.storage=memory"],  # the last one is what ``evaluate`` goes on with
            }.items():
                made = measure(work, data, count, 10, f"distill, {name}", distill + words, options.code)
                rows.append(made)
            for name, words in {
                "random and full, memory": ["--evaluator.baselines=[random]", "--evaluator.full=true"],
                "random and full, arrow": [
                    "--evaluator.baselines=[random]",
                    "--evaluator.full=true",
                    "--data.storage=arrow",
                ],
                "herding, class mean, memory": ["--evaluator.baselines=[herding,class_mean]"],
            }.items():
                rows.append(measure(work, data, count, 10, f"evaluate, {name}", evaluate + words, options.code))
            shutil.rmtree(data)
        if options.many_classes:
            classes = options.many_classes
            make(data := work / "data", count := 30 * classes, classes)
            for name in ("memory", "arrow"):
                words = [*distill, f"--data.storage={name}"]
                rows.append(measure(work, data, count, classes, f"distill, {name}", words, options.code))
    fixed = {row["what"]: row["anonymous"] for row in rows if row["rows"] == FIXED}
    before = json.loads(options.before.read_text())["rows"] if options.before else []
    anonymous = {(row["what"], row["rows"]): row["anonymous"] for row in before}
    for row in rows:
        if before:
            row["before"] = anonymous.get((row["what"], row["rows"]))
        row["above fixed"] = row["anonymous"] - fixed[row["what"]]
    save(
        options.name,
        [{key: round(value) if isinstance(value, float) else value for key, value in row.items()} for row in rows],
        title=f"Peak memory {'by rows and storage' if options.rows else 'with many classes'}, in MiB",
    )


if __name__ == "__main__":
    main()
