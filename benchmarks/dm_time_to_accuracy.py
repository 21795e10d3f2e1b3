"""Accuracy against distillation time: a configuration beside the plain loop of distribution matching.

The plain loop follows Zhao and Bilen (WACV 2023): real samples as a start, a new network and new real samples for every
step, class after class, SGD with momentum 0.5. Both run in this process, one after the other, with the same threads and
allocator, and are measured by the same evaluator. Ratios are of CPU seconds, which other jobs on the machine change far
less than those of the clock. Options that are not this script's are those of `hf-distill distill`.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import torch
from dm_step import plain_step
from record import save

from hf_distill import DistilledDataset
from hf_distill.allocator import keep_freed_memory
from hf_distill.cli.distill import build_parser
from hf_distill.cli.messages import parse
from hf_distill.initialization import RealSamples
from hf_distill.methods import Run
from hf_distill.seeding import Streams
from hf_distill.synthetic import PixelSet


def plain_loop(real, network, augment, per_class, real_per_class, steps, lr):
    """Distill with the plain loop."""
    synthetic = PixelSet(per_class=per_class, clip=False)
    batch = RealSamples().draw(real, per_class, Streams(0))
    synthetic.initialize(batch.x, batch.y, real.spec)
    optimizer = torch.optim.SGD(synthetic.parameters(), lr=lr, momentum=0.5)
    for step in range(steps):
        optimizer.zero_grad()
        plain_step(synthetic, real, network, augment, real_per_class, Streams(0, step=step)).backward()
        optimizer.step()
    return synthetic


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--name", required=True, help="name of the result")
    parser.add_argument("--plain_steps", type=int, required=True)
    parser.add_argument("--plain_lr", type=float, nargs="+", default=[1.0])
    parser.add_argument("--plain_real", type=int, nargs="+", default=[32, 256], help="real samples of each class")
    args, rest = parser.parse_known_args()
    keep_freed_memory()
    cli = build_parser()
    objects = cli.instantiate(parse(cli, rest))
    real, method, evaluator = objects.data.setup(), objects.method, objects.evaluator
    matching, per_class = method.objective, method.synthetic.per_class

    runs = {
        f"plain loop, {count} real a class, {args.plain_steps} steps, rate {lr:g}": lambda count=count, lr=lr: (
            plain_loop(real, matching.network, matching.augment, per_class, count, args.plain_steps, lr)
        )
        for count in args.plain_real
        for lr in args.plain_lr
    }
    runs[f"this configuration, {method.steps} steps"] = lambda: method.fit(real, Run(progress=False))
    rows = []
    for name, distill in runs.items():
        start, start_cpu = time.perf_counter(), time.process_time()
        synthetic = distill()
        seconds, cpu = time.perf_counter() - start, time.process_time() - start_cpu
        result = evaluator.evaluate(DistilledDataset.from_synthetic(synthetic), real, progress=False).rows[0]
        accuracy = [100 * result["mean"], 100 * (result["std"] or 0.0)]
        times = {"seconds": round(seconds, 2), "CPU seconds": round(cpu, 2)}
        rows.append({"distillation": name, "accuracy %": accuracy, **times})
        print(json.dumps(rows[-1]), flush=True)
    for row in rows:
        row["CPU time / this configuration's"] = row["CPU seconds"] / rows[-1]["CPU seconds"]
    title = f"Time to accuracy: {Path(real.spec.source['path']).name}, {per_class} a class"
    save(f"time_{args.name}", rows, title=title, seeds=evaluator.seeds)


if __name__ == "__main__":
    main()
