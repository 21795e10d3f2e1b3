"""Methods for series side by side: one configuration a row, all measured in the same way.

`python benchmarks/hdt_rows.py --name hdt_etth1_rows --configs configs/hdt_dc_etth1.yaml ... --known hdt_etth1`: rows
of the random piece, the full series and our own configuration come from the named result. Options that are not this
script's are those of `hf-distill distill` and stand for every row.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

from record import RESULTS, save
from series_row import build, measure

from hf_distill.allocator import keep_freed_memory
from hf_distill.methods import Run
from hf_distill.methods.undistilled import Undistilled


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--name", required=True, help="name of the result")
    parser.add_argument("--configs", required=True, nargs="+", type=Path)
    parser.add_argument("--known", help="the result that brings the random piece, the full series and our own row")
    args, rest = parser.parse_known_args()
    keep_freed_memory()
    rows = known(args.known) if args.known else []
    first = build([f"--config={args.configs[0]}", *rest])
    start = Undistilled(synthetic=first.method.synthetic, initial=first.method.initial)
    methods = [("the piece that all start from", start, first)]
    for path in args.configs:
        objects = build([f"--config={path}", *rest])
        methods.append((path.stem, objects.method, objects))
    for label, method, objects in methods:
        began = time.perf_counter()
        synthetic = method.fit(objects.data, Run(progress=False))
        seconds = round(time.perf_counter() - began, 1)
        rows.append(averaged({"row": label, **measure(synthetic, objects), "seconds": seconds}))
        print(rows[-1], flush=True)
        title = f"Methods for series: {objects.data.path.rsplit('/', 1)[-1]}, {synthetic.size} steps"
        notes = [f"{objects.evaluator.seeds} networks a cell"]
        if args.known:
            notes.append(f"The first rows are those of {args.known}")
        save(args.name, rows, title=title, note=". ".join(notes), seeds=objects.evaluator.seeds)


def known(name: str) -> list[dict]:
    """Return the rows that another result brings."""
    found = json.loads((RESULTS / f"{name}.json").read_text())["rows"]
    names = {"random, equal bits": "random piece", "full": "full series", "distilled": name}
    return [
        averaged({"row": label, **{row["network"]: row[column] for row in found}}) for column, label in names.items()
    ]


def averaged(row: dict) -> dict:
    """Add the mean over the networks, behind them."""
    cells = [value for key, value in row.items() if key not in ("row", "seconds")]
    means = [cell[0] if isinstance(cell, list) else cell for cell in cells]
    seconds = {"seconds": row.pop("seconds")} if "seconds" in row else {}
    return row | {"average": sum(means) / len(means)} | seconds


if __name__ == "__main__":
    main()
