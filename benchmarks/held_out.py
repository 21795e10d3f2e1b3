"""A configuration on parts of its training rows: what values are chosen by, before any test row is looked at.

`python benchmarks/held_out.py configs/dm_digits.yaml --folds 5 --evaluator.full=0`: distills from four fifths of the
training rows and measures on the last, five times, and writes mean and standard deviation over the folds. `--folds 6
--first 2` measures on two of six. Other options are those of `hf-distill distill`.
"""

from __future__ import annotations

import argparse
import inspect
import tempfile
from pathlib import Path
from typing import Any

import torch
from image_rows import merged
from record import save
from series_row import build

from hf_distill.data.real import RealData
from hf_distill.data.sources import open_source
from hf_distill.experts.store import ExpertStore
from hf_distill.initialization import ExpertSamples
from hf_distill.methods import OptimizedDistillation, Run
from hf_distill.methods.start import read_start
from hf_distill.pools import StoredExperts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", type=Path)
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--first", type=int, metavar="N", help="measure on the first N folds alone")
    parser.add_argument("--name", help="the result's, if not the configuration's with _held_out")
    parser.add_argument("--title", help="of the table")
    args, rest = parser.parse_known_args()
    if args.folds < 2:
        parser.error(f"--folds is {args.folds}; it must be 2 or more: what is measured on is not distilled from")
    measured = args.folds if args.first is None else args.first
    if not 1 <= measured <= args.folds:
        parser.error(f"--first is {measured}; it must be 1 to --folds, {args.folds}")
    results = []
    for fold in range(measured):
        objects = build([f"--config={args.config}", *rest])
        data = parted(objects.data, fold, args.folds).setup()
        objects.evaluator.seed = fold
        with tempfile.TemporaryDirectory() as folder:
            train_experts(objects.method, data, Path(folder) / "experts", fold)
            run = Run(folder=Path(folder), seed=fold, progress=False)
            artifact = objects.method.distill(data, run)
            start = read_start(Path(folder), artifact.config)
        evaluation = objects.evaluator.evaluate(artifact, data, progress=False, start=start)
        print(evaluation, flush=True)
        results.append(evaluation.to_dict())
    rows = [merged([result["rows"][place] for result in results]) for place in range(len(results[0]["rows"]))]
    title = args.title or f"{args.config.stem}: held-out training rows"
    note = f"{measured} of {args.folds} folds of the training rows; mean and standard deviation over them; "
    note += "no test row was looked at"
    save(args.name or f"{args.config.stem}_held_out", rows, title=title, note=note)


def train_experts(method: Any, data: RealData, folder: Path, seed: int) -> None:
    """Train the experts that a method asks for on these rows alone: those of all rows have seen the held-out ones."""
    pools = method.objective.modules() if isinstance(method, OptimizedDistillation) else ()
    parts = [
        part for part in (*pools, getattr(method, "initial", None)) if isinstance(part, StoredExperts | ExpertSamples)
    ]
    for part in parts:
        part.folder = str(folder)
        store = ExpertStore.begin(folder, part.experts.describe(data, seed), resume=True, overwrite=False)
        part.experts.train(data, store, progress=False)


def parted(data: Any, fold: int, folds: int) -> RealData:
    """Return data whose test split is one fold of the training rows, and whose training split the others."""
    rows, _, _ = open_source(path=data.path, name=data.name, revision=data.revision, split=data.split)
    order = torch.randperm(len(rows), generator=torch.Generator().manual_seed(0))
    held = torch.zeros(len(rows), dtype=torch.bool)
    held[order.tensor_split(folds)[fold]] = True
    parts = [rows.select(part.nonzero().flatten().tolist()) for part in (~held, held)]
    chosen = ("path", "name", "revision", "split", "test_split", "test_fraction", "streaming")
    options = [own.name for own in inspect.signature(RealData).parameters.values() if own.kind is own.KEYWORD_ONLY]
    return RealData.from_dataset(*parts, **{key: getattr(data, key) for key in options if key not in chosen})


if __name__ == "__main__":
    main()
