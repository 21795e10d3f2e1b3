"""Beam management under bit budgets: quantized samples with a teacher's labels beside what else the bits buy.

`python benchmarks/beam_rows.py --path uma_beam`: every row is drawn anew for each set and measured by the same recipe.
A row's bits are what it stores: values, labels, ranges and levels.
"""

from __future__ import annotations

import argparse
import statistics
from pathlib import Path
from typing import Any, ClassVar

import torch
from record import HERE, save
from torch import nn

from hf_distill.allocator import keep_freed_memory
from hf_distill.cli.distill import build_parser
from hf_distill.cli.messages import parse
from hf_distill.data.batch import Batch
from hf_distill.data.real import RealData
from hf_distill.hub.artifact import DistilledDataset
from hf_distill.initialization import RealSamples, RelabeledSamples
from hf_distill.initialization.base import InitialSamples
from hf_distill.labels import HardLabels, TopLabels
from hf_distill.methods import Run
from hf_distill.methods.undistilled import Undistilled
from hf_distill.quantization import Budget, Quantizer, UniformQuantizer
from hf_distill.seeding import Streams
from hf_distill.synthetic import QuantizedSet, VectorSet


def full_bits(spec: Any) -> int:
    """Return the bits of all training rows as float32, with their labels."""
    return spec.num_rows * (32 * spec.shape[0] + spec.bits_per_label)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--path", default="uma_beam")
    parser.add_argument("--config", type=Path, default=HERE.parent / "configs" / "quadd_uma_beam.yaml")
    parser.add_argument("--name", default="quadd_uma_beam")
    parser.add_argument("--bytes", nargs="+", type=int, default=[17986, 3538])
    parser.add_argument("--sets", type=int, default=3)
    parser.add_argument("--networks", type=int, default=1, help="for each set; the spread is that of the sets' means")
    args = parser.parse_args()
    keep_freed_memory()
    options = [f"--config={args.config}", f"--data.path={args.path}", f"--evaluator.seeds={args.networks}"]
    built = build_parser()
    objects = built.instantiate(parse(built, options))
    objects.data.setup()
    evaluator = objects.evaluator.alone()
    evaluator.full = evaluator.seeds = args.sets * args.networks
    evaluator.full_steps = 4740  # 60 epochs, as in configs/uma_beam.yaml: with 2,000 the ceiling is 3.4 points lower
    own = objects.method.synthetic
    some = Undistilled(synthetic=VectorSet(per_class=1), initial=RealSamples()).fit(objects.data, Run(seed=0))
    evaluator.labels = "hard"
    full = evaluator.evaluate(DistilledDataset.from_synthetic(some), objects.data, progress=False).rows
    rows = [
        {"row": "full data", "samples": objects.data.spec.num_rows, "bits": full_bits(objects.data.spec), "fewer": 1}
    ]
    for row in full:
        rows[0][row["metric"]] = [100 * row["full_mean"], 100 * (row["full_std"] or 0)]
    rows[0]["loss"] = 0.0
    print(rows[0], flush=True)
    for size in args.bytes:
        for label, synthetic, initial in methods(own, objects.method.initial, Budget(total_bytes=size)):
            rows.append(measure(label, synthetic, initial, objects, args))
            rows[-1]["loss"] = rows[0]["accuracy"][0] - rows[-1]["accuracy"][0]
            print(rows[-1], flush=True)
            save(
                args.name,
                rows,
                title=f"Beam management under bit budgets, {args.path}",
                note=f"{args.sets} sets x {args.networks} networks a row; loss: points of top-1 below the full data",
            )


def methods(own: QuantizedSet, initial: RelabeledSamples, budget: Budget) -> list[tuple[str, Any, Any]]:
    """Return label, set and start of every row."""
    uniform = UniformQuantizer(bits=own.quantizer.bits)

    def soft(quantizer: Quantizer) -> QuantizedSet:
        inner = VectorSet(labels=TopLabels(top=own.synthetic.labels.top))
        return QuantizedSet(synthetic=inner, quantizer=quantizer, labels=own.labels, budget=budget)

    def relabeled(**options: Any) -> RelabeledSamples:
        return SharedTeachers(network=initial.network, teachers=initial.teachers, recipe=initial.recipe, **options)

    hard = QuantizedSet(synthetic=VectorSet(), quantizer=uniform, budget=budget, equal_classes=False)
    return [
        ("soft labels, learned levels", soft(own.quantizer), relabeled(soft=True, quantizer=initial.quantizer)),
        ("soft labels, uniform, post-hoc", soft(uniform), relabeled(soft=True)),
        ("teacher's class, uniform", hard, relabeled(quantizer=uniform)),
        ("random rows, own labels, uniform", hard, RealSamples()),
        ("random rows, own labels, float32", VectorSet(), FewRows(budget.bits(None) // (16 * 32 + 6))),
    ]


class SharedTeachers(RelabeledSamples):
    """RelabeledSamples that trains the teachers of a seed once for all rows: they depend on nothing else."""

    _made: ClassVar[dict[int, list[nn.Module]]] = {}

    def train(self, real: RealData, streams: Streams) -> list[nn.Module]:
        """See :class:`RelabeledSamples`."""
        if streams.seed not in self._made:
            self._made[streams.seed] = super().train(real, streams)
        return self._made[streams.seed]


class FewRows(InitialSamples):
    """So many random rows, whatever their classes.

    Args:
        count: How many.
    """

    def __init__(self, count: int) -> None:
        self.count = count

    def draw(self, real: Any, size: int, streams: Streams) -> Batch:
        """See :class:`InitialSamples`."""
        rows = torch.randperm(len(real.train), generator=streams.generator("rows"))[: self.count]
        return real.train.batch(rows)


def measure(label: str, synthetic: Any, initial: Any, objects: Any, args: argparse.Namespace) -> dict[str, Any]:
    """Draw the sets of a row and train on each."""
    scores: dict[str, list[float]] = {}
    for seed in range(args.sets):
        made = Undistilled(synthetic=synthetic, initial=initial).fit(objects.data, Run(seed=seed))
        evaluator = objects.evaluator.alone()
        evaluator.seed = 100 * seed
        soft = not isinstance(made.label_part, HardLabels)
        evaluator.labels = "soft" if soft else "hard"
        published = DistilledDataset.from_synthetic(made)
        for row in evaluator.evaluate(published, objects.data, progress=False).rows:
            scores.setdefault(row["metric"], []).append(100 * row["mean"])
    bits = made.bits().total
    line = {
        "row": label,
        "samples": len(published),
        "bits": bits,
        "fewer": round(full_bits(objects.data.spec) / bits, 1),
    }
    return line | {metric: [statistics.fmean(own), statistics.stdev(own)] for metric, own in scores.items()}


if __name__ == "__main__":
    main()
