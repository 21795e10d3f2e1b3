"""Seconds of work of an expert's training step: one network after another, or ten in a step.

`python benchmarks/expert_steps.py`: networks of width 32 on images of noise, by the time of this process on one thread,
which other jobs on the machine do not count into. Processes side by side take what one after another takes, divided by
the cores.
"""

from __future__ import annotations

import time

import torch
from record import save

from hf_distill import SGD, Batch, Constant, ConvNet, Recipe, TensorSource, train_networks
from hf_distill.seeding import Streams

COUNT, STEPS = 10, 3


def main() -> None:
    torch.set_num_threads(1)
    rows = []
    for strategy in ("sequential", "together"):  # what is imported at first use
        measure(8, 2, 16, strategy)
    for side, depth, batch in ((8, 2, 16), (8, 2, 64), (8, 2, 256), (28, 3, 16), (28, 3, 64)):
        row = {"pixels": side, "batch": batch}
        for name, strategy in (("one after another", "sequential"), ("ten in a step", "together")):
            row[f"{name}, ms"] = round(1000 * measure(side, depth, batch, strategy), 1)
        print(row, flush=True)
        rows.append(row)
    save("expert_steps", rows, title="A training step of an expert, of ten that are trained one by one or together")


def measure(side: int, depth: int, batch: int, strategy: str) -> float:
    """Return the seconds of a step of one network."""
    x = torch.randn(batch, 1, side, side, generator=torch.Generator().manual_seed(0))
    source = TensorSource(Batch.of(x, torch.arange(batch) % 10))
    recipe = Recipe(steps=STEPS, batch_size=batch, optimizer=SGD(momentum=0.0, weight_decay=0.0), schedule=Constant())
    networks = [ConvNet(width=32, depth=depth).build((1, side, side), 10, k) for k in range(COUNT)]
    streams = [Streams(0, step=k) for k in range(COUNT)]
    start = time.process_time()
    train_networks(networks, [source] * COUNT, streams, recipe=recipe, strategy=strategy, compile="never")
    return (time.process_time() - start) / COUNT / STEPS


if __name__ == "__main__":
    main()
