"""Do soft labels pay for their bits? Hard, learned and a teacher's labels in sets of one size in bits, labels counted.

`python benchmarks/soft_labels.py --bits 520 --folds 2`: QuADD on digits at so many bits a class, by each kind of labels
and objective, measured on held-out training rows as in held_out.py; sets with soft labels are trained on by them.
"""

from __future__ import annotations

import argparse
import json
import statistics
from pathlib import Path
from typing import Any

from held_out import parted
from record import save
from series_row import build

from hf_distill.methods import Run

CONFIG = Path(__file__).parents[1] / "configs" / "quadd_digits.yaml"


def part(name: str, **options: Any) -> str:
    return json.dumps({"class_path": name, "init_args": options})


FIRST = "--method.synthetic"
TEACHER = part(
    "RelabeledSamples", soft=True, initial={"class_path": "RealSamples", "init_args": {"selector": "KMeansSelector"}}
)
#: Options by the kind of labels: how many numbers are stored of a label, and in how many bits.
LABELS = {
    "hard": (),
    "learned, all classes, 8 bits": (f"{FIRST}.synthetic.labels=DenseLabels", 8),
    "learned, all classes, 4 bits": (f"{FIRST}.synthetic.labels=DenseLabels", 4),
    "learned, 3 classes, 4 bits": (f"{FIRST}.synthetic.labels=TopLabels", 4),
    "of a teacher and learned, 3 classes, 4 bits": (f"{FIRST}.synthetic.labels=TopLabels", 4, TEACHER),
}
#: Options by the name of an objective.
OBJECTIVES = {
    "distribution": [],
    "kernel": [
        "--method.objective=KernelRegression",
        "--method.objective.kernel=tangent",
        "--method.objective.depth=2",
        "--method.objective.ridge=0.001",
        "--method.objective.real_batch=500",
    ],
}


def options_of(labels: str) -> list[str]:
    kind, bits, *initial = LABELS[labels] or (None, None)
    if kind is None:
        return []
    rounded = part("UniformQuantizer", bits=bits)
    return [
        kind,
        f"{FIRST}.labels={rounded}",
        "--evaluator.labels=soft",
        *(f"--method.initial={own}" for own in initial),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bits", type=int, default=520, help="of a class")
    parser.add_argument("--folds", type=int, default=2, help="of the training rows that are measured on")
    parser.add_argument("--of", type=int, default=4, help="in so many the training rows are parted")
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--networks", type=int, default=2)
    parser.add_argument("--objectives", nargs="+", choices=OBJECTIVES, default=list(OBJECTIVES))
    args = parser.parse_args()
    if not 2 <= args.folds <= args.of:
        parser.error(f"--folds is {args.folds}; it must be 2 to --of, {args.of}")
    rows = []
    for objective in args.objectives:
        for labels in LABELS:
            rows.append(measured(objective, labels, args))
            print(rows[-1], flush=True)
    title = f"Digits at {args.bits} bits a class, labels counted: hard labels or soft ones"
    note = f"{args.folds} of {args.of} folds of the training rows, {args.networks} networks each, {args.steps} steps; "
    save(f"soft_labels_digits_{args.bits}", rows, title=title, note=note + "no test row was looked at")


def measured(objective: str, labels: str, args: argparse.Namespace) -> dict[str, Any]:
    """Return a row: accuracy over the folds, and what the first fold's set has."""
    found, about = [], {}
    for fold in range(args.folds):
        objects = build(
            [
                f"--config={CONFIG}",
                f"--method.synthetic.budget.bits_per_class={args.bits}",
                "--method.synthetic.coding=entropy",
                f"--method.steps={args.steps}",
                "--evaluator.full=0",
                "--evaluator.baselines=[]",
                f"--evaluator.seeds={args.networks}",
                *OBJECTIVES[objective],
                *options_of(labels),
            ]
        )
        data = parted(objects.data, fold, args.of).setup()
        objects.evaluator.seed = fold
        artifact = objects.method.distill(data, Run(seed=fold, progress=False))
        (row,) = objects.evaluator.evaluate(artifact, data, progress=False).rows
        found.append(100 * row["mean"])
        codes = artifact.bits["codes"]
        about = about or {"samples": row["samples"], "bits": row["bits"], "of these labels": codes.labels}
    spread = [statistics.fmean(found), statistics.stdev(found)]
    return {"objective": objective, "labels": labels, "held-out accuracy": spread, **about}


if __name__ == "__main__":
    main()
