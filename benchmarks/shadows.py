"""Membership inference by likelihood ratios, beside a threshold on the loss.

`python benchmarks/shadows.py kmeans_digits_ipc10`: the configuration's method distils random halves of its training
rows, and each half is attacked with the others as shadows, as ``hf-distill audit --audit.shadows=16`` does: networks
of the sets, and beside them networks of the halves themselves. Rows that the table has already are left out.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from record import save

from hf_distill import Audit, load_config
from hf_distill.methods import Run


def attacked(name: str, shadows: int, steps: int | None) -> list[dict[str, Any]]:
    """Return the rows of a configuration, a network and an attack each."""
    made = load_config(name)
    if steps is not None:
        made.method.steps = steps
    artifact = made.method.distill(made.data, Run(progress=False)).published()
    found = Audit(networks=0, shadows=shadows).run(artifact, made.data, made.evaluator).result
    rows = []
    for own in found["shadows"]:
        row = {"configuration": name, "steps": steps, "shadows": shadows, "networks of": own["trained_on"]}
        row["area under the curve"] = said(own["auc"])
        row |= {f"found at {100 * rate['false_positives']:g} % false": said(rate) for rate in own["rates"]}
        rows.append(row)
        print(row, flush=True)
    return rows


def said(own: dict[str, float]) -> str:
    """Return a share and its interval."""
    return "{value:.1%} ({low:.1%} to {high:.1%})".format(**own)


def main() -> None:
    """Attack configurations and save the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("configurations", nargs="+")
    parser.add_argument("--shadows", type=int, default=16)
    parser.add_argument("--steps", type=int, help="of each distillation, where fewer than the configuration's")
    args = parser.parse_args()
    known = Path(__file__).parent / "results" / "shadows.json"
    rows = json.loads(known.read_text())["rows"] if known.exists() else []
    for name in args.configurations:
        if not any(row["configuration"] == name for row in rows):
            rows += attacked(name, args.shadows, args.steps)
            title = "Membership inference: the likelihood-ratio attack and a threshold on the loss"
            save("shadows", rows, title=title, note="Each row is in half of the sets; intervals of 95 % over rows")


if __name__ == "__main__":
    main()
