"""How many times as fast an evaluation is as that of an older commit, alone and beside another job.

python benchmarks/evaluation_speed.py [--before COMMIT] [--rounds 3]: both commits measure sets of the same size by the
same protocol, in turn, in processes of their own, so that a ratio holds on a noisy machine. The sets are noise: what is
on an image takes no time. Each process evaluates twice; the first time, with what a process begins with (compilation,
worker processes), stands beside the second. The other job is a loop that keeps one core busy. The protocols:

- classification: 100 images of 28 pixels (10 a class) as one batch, ConvNet-3 of width 32, DSA, compiled as the full
  protocol is; ``--epochs`` of its 1000 epochs and as large a share of FashionMNIST's 10,000 test images;
- forecasting: 384 time steps of 7 channels, look-back and horizon 96, the default forecasters, ``--epochs`` steps for
  each and every 8th test window.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

TOP = Path(__file__).parent.parent
PROTOCOLS = ("classification", "forecasting")


def classification(epochs: int, seeds: int) -> Any:
    """Return a function that measures images of noise."""
    import torch
    from datasets import ClassLabel, Dataset, Features, Image

    from hf_distill import ClassificationEvaluator, ConvNet, PixelSet, RealData, Recipe, SiameseAugment
    from hf_distill.hub import DistilledDataset

    generator = np.random.default_rng(0)

    def table(rows: int) -> Dataset:
        values = {"image": list(generator.integers(0, 256, (rows, 28, 28), np.uint8)), "label": np.arange(rows) % 10}
        return Dataset.from_dict(values, Features({"image": Image(), "label": ClassLabel(num_classes=10)}))

    real = RealData.from_dataset(table(1000), table(10 * epochs)).setup()
    synthetic = PixelSet(per_class=10)
    batch = real.sample(list(range(10)), 10, torch.Generator().manual_seed(0))
    synthetic.initialize(batch.x, batch.y, real.spec)
    made = DistilledDataset.from_synthetic(synthetic, seed=0)
    recipe = Recipe(epochs=epochs, augment=SiameseAugment())
    evaluator = ClassificationEvaluator(networks=[ConvNet(width=32)], seeds=seeds, recipe=recipe, compile="always")
    return lambda: evaluator.alone().evaluate(made, real, progress=False)


def forecasting(epochs: int, seeds: int) -> Any:
    """Return a function that measures series of noise."""
    import torch
    from datasets import Dataset

    from hf_distill import ForecastingEvaluator, ForecastRecipe, SeriesData
    from hf_distill.hub import DistilledDataset
    from hf_distill.synthetic.base import Bits, Packed

    values = np.random.default_rng(0).normal(size=(17420, 7)).cumsum(0)
    table = Dataset.from_dict({f"c{k}": values[:, k] for k in range(7)})
    real = SeriesData.from_dataset(table, lookback=96, horizon=96).setup()
    x = real.train.values[:384]
    packed = Packed({"codes": [x.numpy().tobytes()]}, {"dtype": "<f4", "shape": list(x.shape)})
    made = DistilledDataset(real.spec, x, torch.zeros(len(x)), packed, Bits(data=384 * 7 * 32, labels=0))
    evaluator = ForecastingEvaluator(seeds=seeds, recipe=ForecastRecipe(steps=epochs, epochs=0), test_stride=8)
    return lambda: evaluator.alone().evaluate(made, real, progress=False)


def child(protocol: str, epochs: int, seeds: int) -> None:
    """Print the seconds of two evaluations, as the command line makes them."""
    from hf_distill.allocator import keep_freed_memory

    evaluate = {"classification": classification, "forecasting": forecasting}[protocol](epochs, seeds)
    keep_freed_memory()
    times = []
    for _ in range(2):
        start = time.perf_counter()
        evaluate()
        times.append(time.perf_counter() - start)
    print(json.dumps(times))


def seconds(code: Path, protocol: str, options: argparse.Namespace) -> list[float]:
    """Return the seconds of a checkout's first and second evaluation."""
    words = [sys.executable, __file__, "--child", protocol, "--epochs", str(options.epochs)]
    environment = {**os.environ, "PYTHONPATH": str(code)}
    done = subprocess.run(
        [*words, "--seeds", str(options.seeds)], env=environment, cwd=code, stdout=subprocess.PIPE, check=True
    )
    return json.loads(done.stdout.splitlines()[-1])


@contextlib.contextmanager
def busy(wanted: bool) -> Iterator[None]:
    """Run a block beside a loop that keeps one core busy, in a session of its own as another user's job would be."""
    loop = "import os\nparent = os.getppid()\nwhile os.getppid() == parent: pass"
    job = subprocess.Popen([sys.executable, "-c", loop], start_new_session=True) if wanted else None
    try:
        yield
    finally:
        if job is not None:
            job.kill()
            job.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--before", default="7f99517", help="the older commit")
    parser.add_argument("--epochs", type=int, default=100, help="epochs, or steps, of each network")
    parser.add_argument("--seeds", type=int, default=8, help="networks of an architecture")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--protocols", nargs="+", default=PROTOCOLS, choices=PROTOCOLS)
    parser.add_argument("--beside", nargs="+", default=["nothing", "a busy core"], choices=["nothing", "a busy core"])
    parser.add_argument("--note", default="", help="what to say of the machine")
    parser.add_argument("--child", default=None, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(options.child, options.epochs, options.seeds)
        return
    from record import save

    rows = []
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "before"
        subprocess.run(["git", "worktree", "add", "-q", "--detach", tree, options.before], cwd=TOP, check=True)
        try:
            for protocol in options.protocols:
                for beside in options.beside:
                    with busy(beside == "a busy core"):
                        pairs = [
                            (seconds(tree, protocol, options), seconds(TOP, protocol, options))
                            for _ in range(options.rounds)
                        ]
                    row = {"protocol": protocol, "beside": beside}
                    row |= {f"{name}, s": statistics.median(pair[k][1] for pair in pairs) for k, name in NAMES}
                    row |= {f"{name}, first, s": statistics.median(pair[k][0] for pair in pairs) for k, name in NAMES}
                    ratios = [before[1] / now[1] for before, now in pairs]
                    row["times as fast"] = [statistics.fmean(ratios), statistics.stdev(ratios) if ratios[1:] else 0.0]
                    rows.append(row)
                    print(row, flush=True)
        finally:
            subprocess.run(["git", "worktree", "remove", "--force", tree], cwd=TOP, check=True)
    note = f"Before: commit {options.before}. {options.epochs} epochs or steps of {options.seeds} networks"
    title = "An evaluation against that of an older commit"
    save("evaluation_speed", rows, title=title, note=f"{note}. {options.note}".rstrip(". "))


NAMES = ((0, "before"), (1, "now"))

if __name__ == "__main__":
    main()
