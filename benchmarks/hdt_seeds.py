"""Spread over distillations: artifacts of one configuration and several seeds, each measured by the same networks.

hf-distill distill --config configs/hdt_etth1.yaml --evaluate=true
hf-distill distill --config configs/hdt_etth1.yaml --seed 1 --output_dir outputs/hdt_etth1_seed1 --evaluate=true
python benchmarks/hdt_seeds.py outputs/hdt_etth1 outputs/hdt_etth1_seed1

The first artifact brings the random pieces and the full series, of which the others need none
(`--evaluator.baselines=[] --evaluator.full=0`).
"""

from __future__ import annotations

import argparse
import json
import statistics
from pathlib import Path
from typing import Any

from record import commit, save


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path, help="evaluated artifacts, two or more")
    parser.add_argument("--commit", default=commit(), help="what the runs were made with, if not what is checked out")
    args = parser.parse_args()
    found = [read(folder, "evaluation") for folder in args.folders]
    records = [read(folder, "distillation") for folder in args.folders]
    known = {row["network"]: row for row in found[0]["rows"]}
    rows: list[dict[str, Any]] = []
    for record, evaluation in zip(records, found, strict=True):
        line: dict[str, Any] = {"seed": record["seed"]}
        for row in evaluation["rows"]:
            line[row["network"]] = [row["mean"], row["std"] or 0.0]
        means = {network: line[network][0] for network in known}
        line["average"] = statistics.mean(means.values())
        for network, base in known.items():
            line[f"{network}, gap closed %"] = closed(means[network], base)
        rows.append(line)
    over: dict[str, Any] = {"seed": "mean over seeds"}
    for key in list(rows[0])[1:]:
        values = [row[key][0] if isinstance(row[key], list) else row[key] for row in rows]
        over[key] = [statistics.mean(values), statistics.stdev(values)]
    path = records[0]["spec"]["source"]["path"]
    save(
        f"{args.folders[0].name}_seeds",
        [*rows, over],
        title=f"Spread over distillations: {path}, {records[0]['rows']} steps",
        note="Deviations of a seed's row are over networks, those of the last row over distillations",
        commit=args.commit,
    )


def read(folder: Path, name: str) -> dict[str, Any]:
    """Return one of an artifact's records."""
    return json.loads((folder / f"{name}.json").read_text())


def closed(mean: float, base: dict[str, Any]) -> float:
    """Return the share of the way from random pieces to the full series, in per cent."""
    return 100 * (base["random_mean"] - mean) / (base["random_mean"] - base["full_mean"])


if __name__ == "__main__":
    main()
