"""A set of time steps used otherwise than it was made for: other recipes, and other horizons.

`python benchmarks/series_recipes.py --name hdt_etth1_recipes --config configs/hdt_etth1.yaml --data.path=ETTh1.csv`
distils once and then changes one value of the recipe at a time, for the set and for random pieces alike. `--horizons`
are measured by the usual recipe, beside the full series; `--only_horizons` leaves the recipes out. Other options are
those of `hf-distill distill`.
"""

from __future__ import annotations

import argparse
import copy
from typing import Any

from record import save
from series_row import build, distilled, measure

from hf_distill.allocator import keep_freed_memory


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--name", required=True, help="name of the result")
    parser.add_argument("--horizons", type=int, nargs="*", default=[])
    parser.add_argument("--only_horizons", action="store_true")
    args, rest = parser.parse_known_args()
    keep_freed_memory()
    objects = build(rest)
    synthetic = distilled(objects, args.name, objects.seed)
    rows: list[dict[str, Any]] = []
    for label, change in {} if args.only_horizons else changes(objects.evaluator.recipe).items():
        recipe = objects.evaluator.recipe.changed(**change)
        rows.append({"row": label, **measured(synthetic, objects, recipe=recipe, full=0, baselines=["random"])})
        write(args.name, rows, objects)
    if args.horizons:
        found = measured(synthetic, objects, horizons=args.horizons, baselines=["random"])
        for horizon in args.horizons:
            mark = f", horizon {horizon}"
            rows.append({"row": mark[2:], **{key.replace(mark, ""): found[key] for key in found if mark in key}})
            write(args.name, rows, objects)


def changes(recipe: Any) -> dict[str, dict[str, Any]]:
    """Return one change of the recipe at a time, by name."""
    return {
        "the recipe that it was made for": {},
        "half the steps": {"steps": recipe.steps // 2},
        "twice the steps": {"steps": 2 * recipe.steps},
        "a third of the rate": {"optimizer": recipe.optimizer.with_rate(recipe.lr / 3)},
        "three times the rate": {"optimizer": recipe.optimizer.with_rate(3 * recipe.lr)},
        "batches of 8": {"batch_size": 8},
        "batches of 128": {"batch_size": 128},
    }


def measured(synthetic: Any, objects: Any, **options: Any) -> dict[str, Any]:
    """Return the errors with other options of the evaluator."""
    other = copy.copy(objects)
    other.evaluator = copy.copy(objects.evaluator)
    vars(other.evaluator).update(options)
    return measure(synthetic, other)


def write(name: str, rows: list[dict[str, Any]], objects: Any) -> None:
    """Save what there is."""
    print(rows[-1], flush=True)
    path = objects.data.path.rsplit("/", 1)[-1]
    title = f"A set used otherwise than it was made for: {path}, {objects.method.synthetic.length} steps"
    save(name, rows, title=title, seeds=objects.evaluator.seeds)


if __name__ == "__main__":
    main()
