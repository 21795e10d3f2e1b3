"""Seconds per 1000 epochs of one evaluation network: one after the other, together, compiled.

python benchmarks/evaluation_speed.py [--device cuda] [--width 128] [--seeds 5]: the numbers behind the rules in
``hf_distill/training/plan.py``. Ratios of one run count; other work on the machine changes the seconds.
"""

from __future__ import annotations

import argparse
import itertools
import time

import torch

from hf_distill.augment import SiameseAugment
from hf_distill.data.batch import Batch
from hf_distill.networks import ConvNet
from hf_distill.seeding import Streams
from hf_distill.training import Recipe, TensorSource, train_networks


def seconds(shape: tuple[int, ...], samples: int, options: argparse.Namespace, **choice: str) -> float:
    """Return seconds per network and 1000 epochs, from the faster half of the epochs: compilation is left out."""
    depth = 2 if shape[1] < 16 else 3
    networks = [ConvNet(width=options.width, depth=depth).build(shape, 10, k) for k in range(options.seeds)]
    batch = Batch.of(torch.randn(samples, *shape), torch.arange(samples) % 10)
    marks: list[float] = []

    def mark(_: int) -> None:
        if options.device != "cpu":
            torch.cuda.synchronize()
        marks.append(time.perf_counter())

    train_networks(
        networks,
        [TensorSource(batch)] * options.seeds,
        [Streams(k) for k in range(options.seeds)],
        recipe=Recipe(epochs=options.epochs, augment=SiameseAugment()),
        device=options.device,
        progress=mark,
        **choice,
    )
    times = sorted(b - a for a, b in itertools.pairwise(marks))
    steps = options.seeds if choice["strategy"] == "together" else 1
    return 1000 * times[len(times) // 4] / steps


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--width", type=int, default=32)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=40)
    options = parser.parse_args()
    print("| input | samples | sequential | together | compiled |\n| --- | --- | --- | --- | --- |")
    for shape, samples in [
        ((1, 8, 8), 10),
        ((1, 8, 8), 100),
        ((1, 28, 28), 10),
        ((1, 28, 28), 100),
        ((3, 32, 32), 500),
    ]:
        if options.device == "cpu" and samples > 100:
            continue
        row = [
            seconds(shape, samples, options, strategy=strategy, compile=compiled)
            for strategy, compiled in (("sequential", "never"), ("together", "never"), ("sequential", "always"))
        ]
        print(f"| {'x'.join(map(str, shape))} | {samples} | {' | '.join(f'{s:.2f}' for s in row)} |", flush=True)


if __name__ == "__main__":
    main()
