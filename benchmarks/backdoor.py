"""Backdoors: how many triggered test rows networks take for the target, before distillation and after.

Every configuration distils the poisoned rows of a source with seed 0. Networks are those of ``hf-distill audit``: four
of the published set, one of all poisoned rows. The target is the first class;
``share`` are the poisoned rows in units of its rows.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from record import save

from hf_distill import Audit, BlendedTrigger, FrequencyTrigger, PatchTrigger, Poison, RandomSelector, load_config
from hf_distill.methods import Run

TRIGGERS = {
    "patch": PatchTrigger(size=3),
    "blended": BlendedTrigger(strength=0.3),
    "frequency": FrequencyTrigger(strength=0.3),
}


def configured(name: str, path: str | None = None) -> Any:
    """Return the parts of a configuration; ``random`` is ``kmeans_digits_ipc10`` with random rows instead.

    Args:
        name: The configuration.
        path: A source in place of its own.
    """
    made = load_config("kmeans_digits_ipc10" if name == "random" else name)
    if name == "random":
        made.method.selector = RandomSelector()
    made.data.path = made.data.path if path is None else path
    return made


def measured(name: str, trigger: str, share: float, path: str | None) -> dict[str, Any]:
    """Return the row of a configuration."""
    made = configured(name, path)
    made.data.poison = Poison(trigger=TRIGGERS[trigger], share=share)
    artifact = made.method.distill(made.data, Run(progress=False)).published()
    found = Audit(mark_steps=0).run(artifact, made.data, made.evaluator).result
    row = {"trigger": trigger, "share": share, "method": name, "samples": len(artifact)}
    for each in found["poison"]:
        row |= {f"{key}, {each['trained_on']}": round(each[key], 4) for key in ("accuracy", "attack_success")}
    print(row, flush=True)
    return row


def main() -> None:
    """Measure configurations by triggers and save the table; rows that it has already are left out."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("configurations", nargs="+")
    parser.add_argument("--triggers", nargs="+", choices=TRIGGERS, default=list(TRIGGERS))
    parser.add_argument("--shares", nargs="+", type=float, default=[1.0])
    parser.add_argument("--path", help="a source in place of the configurations' own")
    parser.add_argument("--name", required=True, help="of the JSON")
    args = parser.parse_args()
    known = Path(__file__).parent / "results" / f"backdoor_{args.name}.json"
    rows = json.loads(known.read_text())["rows"] if known.exists() else []
    for share in args.shares:
        for trigger in args.triggers:
            for name in args.configurations:
                if not any([row["trigger"], row["share"], row["method"]] == [trigger, share, name] for row in rows):
                    rows.append(measured(name, trigger, share, args.path))
    save(f"backdoor_{args.name}", rows, title=f"Backdoors before distillation and after, {args.name}")


if __name__ == "__main__":
    main()
