"""Take the finished rows of a sweep into results/: their table and their picture.

hf-distill sweep --config configs/quadd_digits.yaml --budget.bits_per_class 520 --sets 5 --output_dir outputs/digits_520
python benchmarks/collect_sweep.py outputs/digits_520 --name quadd_digits_520 --title "..." --command "hf-distill ..."
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from record import RESULTS, commit, save

from hf_distill.sweep.picture import draw, sweet_spot

KINDS = ("in the loop", "start, quantized", "post-hoc", "random, quantized", "float32", "patch-wise", "png", "jpeg")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="what hf-distill sweep wrote")
    parser.add_argument("--name", required=True, help="of the file in results/")
    parser.add_argument("--title", required=True)
    parser.add_argument("--command", required=True, help="what made the sweep")
    parser.add_argument("--commit", default=commit(), help="what the sweep was made with, if not what is checked out")
    parser.add_argument("--note")
    args = parser.parse_args()
    rows = [json.loads(path.read_text()) for path in (args.folder / "rows").glob("*.json")]
    rows.sort(key=place)
    RESULTS.mkdir(exist_ok=True)
    draw(rows).save(RESULTS / f"{args.name}.png", optimize=True)
    about = {"title": args.title, "command": args.command, "commit": args.commit, "sweet_spot": sweet_spot(rows)}
    if args.note:
        about["note"] = args.note
    save(args.name, [table_row(row) for row in rows], **about)


def place(row: dict) -> tuple[int, int]:
    """Return where a row stands: many bits first, then the rows that have one precision only."""
    kind = KINDS.index(row["kind"])
    return (-row["bits_per_value"], kind) if kind < KINDS.index("float32") else (0, kind)


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
