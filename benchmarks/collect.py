"""Take reference runs into the repository: their numbers into results/, their cards into model_cards/.

hf-distill distill --config configs/dm_digits.yaml --evaluate=true
python benchmarks/collect.py outputs/dm_digits
"""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path

from record import HERE, commit, save

CARDS = HERE.parent / "model_cards"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path, help="evaluated artifacts, named after their configuration")
    parser.add_argument("--no_card", action="store_true", help="numbers alone: the licence forbids derived data")
    parser.add_argument("--command", help="what made the artifact, if not its configuration's own name")
    parser.add_argument("--note", help="a sentence for the table")
    parser.add_argument("--title", help="what the table is called, if not by source and size")
    parser.add_argument("--commit", default=commit(), help="what the runs were made with, if not what is checked out")
    args = parser.parse_args()
    for folder in args.folders:
        record = json.loads((folder / "distillation.json").read_text())
        evaluation = json.loads((folder / "evaluation.json").read_text())
        seconds = json.loads((folder.with_name(f"{folder.name}.run") / "run.json").read_text())["seconds"]
        rows = [table_row(row) for row in evaluation["rows"]]
        path = record["spec"]["source"]["path"]
        option = "" if path == "digits" else f" --data.path={path}"
        title = f"{path}, {record['rows']} {'samples' if 'classes' in record['spec'] else 'steps'}"
        note = f"Distilled in {seconds:.0f} s on a shared machine"
        save(
            folder.name,
            rows,
            title=args.title or title,
            command=args.command or f"hf-distill distill --config configs/{folder.name}.yaml{option} --evaluate=true",
            note=f"{note}. {args.note}" if args.note else note,
            seed=record["seed"],
            commit=args.commit,
        )
        if args.no_card:
            continue
        card = CARDS / folder.name
        card.mkdir(parents=True, exist_ok=True)
        for picture in folder.glob("*.png"):
            shutil.copy(picture, card)
        for name in ("distillation.json", "README.md"):
            shutil.copy(folder / name, card)


def table_row(row: dict) -> dict:
    """Return a line of the table: errors as they are, fractions as per cent."""
    shares = ("accuracy", "balanced_accuracy", "top3_accuracy", "top5_accuracy", "macro_f1")
    factor = 100 if row["metric"] in shares else 1
    line = {"network": row["network"], "metric": row["metric"], "networks": f"{row['seeds']} on 1 set"}
    line["distilled"] = pair(row["mean"], row["std"], factor)
    line["random, equal bits"] = pair(row["random_mean"], row["random_std"], factor)
    for name, value in row.get("baselines", {}).items():
        if name != "random":
            line[name.replace("_", " ")] = pair(value["mean"], value["std"], factor)
    if row.get("full_mean") is not None:
        line["full"] = pair(row["full_mean"], row.get("full_std"), factor)
    if row.get("full_steps") is not None:
        line["full, steps"] = row["full_steps"]
    if row.get("gap_closed") is not None:
        line["gap closed %"] = 100 * row["gap_closed"]
    if row.get("training_speedup") is not None:
        line["training s"], line["training s, full"] = row["seconds"], row["full_seconds"]
        line["full / distilled"] = row["training_speedup"]
    line["bits"] = row["bits"]
    return line


def pair(mean: float | None, std: float | None, factor: int) -> list[float] | float | None:
    """Return mean and standard deviation in the table's unit; a single seed has no deviation."""
    if mean is None or std is None:
        return mean if mean is None else factor * mean
    return [factor * mean, factor * std]


if __name__ == "__main__":
    main()
