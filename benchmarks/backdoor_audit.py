"""The search for backdoors of ``hf-distill audit``, on clean and on poisoned sets of digits.

Set k is made with seed k by one of four methods, clean, and once more from poisoned rows: as many as the target has,
which is class k modulo 10. The audit has the clean rows alone, as of a stranger's set. The threshold, ``Audit``'s
default, was chosen on sets with seeds from 100 on.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import torch
from backdoor import TRIGGERS, configured
from record import save

from hf_distill import Audit, Poison
from hf_distill.audit.backdoor import planted, search_backdoor
from hf_distill.audit.trained import Trained
from hf_distill.methods import Run
from hf_distill.seeding import Streams

METHODS = ("random", "kmeans_digits_ipc10", "quadd_digits", "dm_digits")


def audited(seed: int, poisoned: bool, clean: Any) -> dict[str, Any]:
    """Return the row of a set.

    Args:
        seed: Its seed, which says method, target and trigger too.
        poisoned: It is made from poisoned rows.
        clean: The data of the audit.
    """
    name, trigger, audit = METHODS[seed % 4], list(TRIGGERS)[seed % 3], Audit()
    poison = Poison(target=str(seed % 10), trigger=TRIGGERS[trigger], share=1.0, seed=seed)
    made = configured(name)
    made.data.poison = poison if poisoned else None
    artifact = made.method.distill(made.data, Run(progress=False, seed=seed)).published()
    streams = [Streams(audit.seed, step=k) for k in range(audit.networks)]
    trained = Trained.on(artifact, clean, configured(METHODS[0]).evaluator.quick(), streams, torch.device("cpu"))
    generator = Streams(audit.seed).generator("marks")
    found = search_backdoor(trained, clean.test, audit.mark_steps, audit.anomaly, generator)
    worst = max(found["classes"], key=lambda row: row["anomaly"])
    row = {"seed": seed, "method": name, "trigger": trigger if poisoned else "none"}
    if poisoned:
        row |= {"target": str(seed % 10), "attack success": planted(trained, poison, clean.test)[0]["attack_success"]}
    return row | {"largest anomaly": worst["anomaly"], "of class": worst["class"], "suspected": found["suspected"]}


def main() -> None:
    """Audit sets and save the table after each; sets that it has already are left out."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--name", default="backdoor_audit", help="of the JSON")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--sets", type=int, default=20, help="clean ones, and poisoned ones")
    args = parser.parse_args()
    known = Path(__file__).parent / "results" / f"{args.name}.json"
    rows = json.loads(known.read_text())["rows"] if known.exists() else []
    clean = configured(METHODS[0]).data.setup()
    for seed in range(args.first, args.first + args.sets):
        for poisoned in (False, True):
            if not any(row["seed"] == seed and ("target" in row) == poisoned for row in rows):
                rows.append(audited(seed, poisoned, clean))
                save(args.name, rows, title="The search for backdoors on clean and poisoned sets of digits")


if __name__ == "__main__":
    main()
