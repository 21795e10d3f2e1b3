"""Take a finished sweep into results/: its table and its picture.

hf-distill sweep --config configs/quadd_digits.yaml --budget.bits_per_class 520 --sets 5 --output_dir outputs/digits_520
python benchmarks/collect_sweep.py outputs/digits_520 --name quadd_digits_520 --title "..." --command "hf-distill ..."
"""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path

from record import RESULTS, commit, save


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="what hf-distill sweep wrote")
    parser.add_argument("--name", required=True, help="of the file in results/")
    parser.add_argument("--title", required=True)
    parser.add_argument("--command", required=True, help="what made the sweep")
    parser.add_argument("--commit", default=commit(), help="what the sweep was made with, if not what is checked out")
    parser.add_argument("--note")
    args = parser.parse_args()
    sweep = json.loads((args.folder / "sweep.json").read_text())
    RESULTS.mkdir(exist_ok=True)
    shutil.copy(args.folder / "sweep.png", RESULTS / f"{args.name}.png")
    about = {"title": args.title, "command": args.command, "commit": args.commit, "sweet_spot": sweep["sweet_spot"]}
    if args.note:
        about["note"] = args.note
    save(args.name, [table_row(row) for row in sweep["rows"]], **about)


def table_row(row: dict) -> dict:
    """Return a line of the table; a row without a result does not fit the budget."""
    line = {"row": row["kind"], "bits a value": row["bits_per_value"], "samples": row["samples"], "bits": row["bits"]}
    factor = 1 if row.get("metric") in ("mse", "mae") else 100
    for name, (mean, std) in row.get("networks", {}).items():
        own = row["metric"] if len(row["networks"]) == 1 else f"{name} {row['metric']}"
        line[own] = factor * mean if std is None else [factor * mean, factor * std]
    return line


if __name__ == "__main__":
    main()
