"""Peak memory and time of a step of trajectory matching by the number of its inner steps, in each way of going back.

`python benchmarks/trajectory_memory.py`: every line is a process of its own, which makes two steps on images of noise
of 28 pixels, one of each of ten classes, through a ConvNet of width 32. Memory is the peak of the process above what it
has before the first step; time is that of the second step, of the process's own work on one thread.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time

import torch
from datasets import ClassLabel, Dataset, Features, Image
from PIL import Image as PILImage
from record import save

from hf_distill import ConvNet, PixelSet, RealData, TrajectoryMatching
from hf_distill.pools import FreshNetworks
from hf_distill.seeding import Streams

WAYS = ("graph", "constant", "tesla")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, nargs="+", default=[10, 20, 40, 80])
    parser.add_argument("--one", nargs=2, metavar=("WAY", "STEPS"), help="measure one and print it")
    args = parser.parse_args()
    if args.one:
        print(json.dumps(measure(args.one[0], int(args.one[1]))))
        return
    rows = []
    for steps in args.steps:
        row: dict[str, float] = {"inner steps": steps}
        for way in WAYS:
            words = [sys.executable, __file__, "--one", way, str(steps)]
            row |= json.loads(subprocess.check_output(words, text=True).splitlines()[-1])
        print(row, flush=True)
        rows.append(row)
    save("trajectory_memory", rows, title="Trajectory matching: memory and time of a step by its inner steps")


def measure(way: str, steps: int) -> dict[str, float]:
    """Return the peak in MiB and the seconds of a step."""
    torch.set_num_threads(1)
    real = noise()
    synthetic = PixelSet(per_class=1)
    batch = real.sample(list(range(10)), 1, torch.Generator().manual_seed(0))
    synthetic.initialize(batch.x, batch.y, real.spec)
    objective = TrajectoryMatching(
        pool=FreshNetworks(network=ConvNet(width=32)), synthetic_steps=steps, real_batch=10, memory=way
    )
    before = peak()
    for step in range(2):
        start = time.process_time()
        objective(synthetic, real, Streams(0, step=step))["trajectory"].backward()
        seconds = time.process_time() - start
    return {f"{way}, MiB": round(peak() - before), f"{way}, s": round(seconds, 2)}


def noise() -> RealData:
    """Return images of noise, two of each class."""
    values = torch.randint(256, (20, 28, 28), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    features = Features({"image": Image(), "label": ClassLabel(num_classes=10)})
    images = [PILImage.fromarray(value.numpy()) for value in values]
    rows = Dataset.from_dict({"image": images, "label": [row % 10 for row in range(20)]}, features=features)
    return RealData.from_dataset(rows).setup()


def peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
