"""Copies of training rows in the sets that configurations make, and what networks trained on them betray.

Each configuration is distilled with seed 0, published and audited as ``hf-distill audit`` does: exact copies, near ones
(as close to one training row as 1 % of test rows), and the loss-threshold attack of four networks.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from record import save

from hf_distill import Audit, ClassificationEvaluator, load_config
from hf_distill.methods import Run


def audited(name: str) -> dict[str, Any]:
    """Return the row of a configuration."""
    made = load_config(name)
    evaluator = made.evaluator if isinstance(made.evaluator, ClassificationEvaluator) else None
    artifact = made.method.distill(made.data, Run(progress=False)).published()
    found = Audit(mark_steps=0).run(artifact, made.data, evaluator).result
    copies = found["copies"]
    row = {"configuration": name, **{key: copies[key] for key in ("samples", "exact", "near")}}
    row["samples are"] = f"pieces of {copies['steps']} time steps" if "steps" in copies else artifact.spec.kind
    if "median_distance" in copies:
        ratio = copies["median_distance"] / copies["test_median_distance"]
        row["distance to the nearest row / that of test rows"] = ratio
        row["test rows called near"] = f"{copies['test_rows_near']} of {copies['test_rows']}"
    for own in found.get("membership", []):
        rate = own["rates"][-1]
        column = f"found at {100 * rate['false_positives']:g} % false, {own['trained_on']}"
        row[column] = "{value:.1%} ({low:.1%} to {high:.1%})".format(**rate)
    return row


def main() -> None:
    """Audit configurations and save the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("configurations", nargs="+", help="those of the table that are not named keep their rows")
    names = parser.parse_args().configurations
    known = Path(__file__).parent / "results" / "copies.json"
    rows = json.loads(known.read_text())["rows"] if known.exists() else []
    rows = [row for row in rows if row["configuration"] not in names]
    title = "Copies: samples that are training rows, and membership inference"
    for name in names:
        rows.append(audited(name))
        save("copies", rows, title=title)


if __name__ == "__main__":
    main()
