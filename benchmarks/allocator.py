"""A training step and the peak memory with the allocator as it is, told before the data, and told after them.

python benchmarks/allocator.py [--rounds 5]: ConvNet-3 of width 32 at 28x28, batches of 256 of 60,000 grey images,
processes of their own in turn. Ratios within a round count: other work on the machine changes the seconds.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time

from record import save

MODES = ("never", "before the data", "after the data")


def work(mode: str) -> None:
    """Place data, train, and print the median seconds of a step and the peak of anonymous memory in MiB."""
    import numpy as np
    import torch
    from datasets import ClassLabel, Dataset, Features, Image
    from memory import png, status

    from hf_distill.allocator import keep_freed_memory
    from hf_distill.data import RealData
    from hf_distill.networks import ConvNet

    torch.set_num_threads(1)
    noise = np.random.default_rng(0).integers(0, 256, (500, 28, 28), dtype=np.uint8)
    images = [{"bytes": png(array), "path": None} for array in noise] * 120
    features = Features({"image": Image(), "label": ClassLabel(num_classes=10)})
    table = Dataset.from_dict({"image": images, "label": [row % 10 for row in range(len(images))]}, features=features)
    if mode == MODES[1]:
        keep_freed_memory()
    real = RealData.from_dataset(table, storage="memory").setup()
    if mode == MODES[2]:
        keep_freed_memory()
    network = ConvNet(width=32, depth=3).build(real.spec.shape, 10, 0)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.01)
    seconds = []
    for step in range(12):
        batch = real.train.batch(torch.arange(256) + 256 * step)
        started = time.process_time()
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(network(batch.x), batch.y).backward()
        optimizer.step()
        seconds.append(time.process_time() - started)
    print(statistics.median(seconds[2:]), status("self")["RssAnon"] / 1024)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--mode", choices=MODES)
    options = parser.parse_args()
    if options.mode:
        work(options.mode)
        return
    found: dict[str, list[tuple[float, float]]] = {mode: [] for mode in MODES}
    for _ in range(options.rounds):
        for mode in MODES:
            out = subprocess.check_output([sys.executable, __file__, "--mode", mode], text=True)
            seconds, held = map(float, out.split())
            found[mode].append((seconds, held))
            print(mode, seconds, held, flush=True)
    plain = [seconds for seconds, _ in found[MODES[0]]]
    rows = []
    for mode, runs in found.items():
        ratios = [base / seconds for base, (seconds, _) in zip(plain, runs, strict=True)]
        rows.append(
            {
                "allocator told": mode,
                "CPU ms a step": 1000 * statistics.median(seconds for seconds, _ in runs),
                "times faster": [statistics.fmean(ratios), statistics.stdev(ratios)],
                "MiB held at the end": statistics.median(held for _, held in runs),
            }
        )
    save("allocator", rows, title="The allocator keeps freed memory: never, before and after the data are placed")


if __name__ == "__main__":
    main()
