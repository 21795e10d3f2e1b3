"""A sketch beside the whole protocol: how long each takes, and how far apart their numbers are.

``python benchmarks/quick.py``
"""

from __future__ import annotations

import tempfile
import time
from typing import Any

from record import commit, save
from sklearn.datasets import load_wine

import hf_distill
from hf_distill.api.inputs import as_data
from hf_distill.evaluation.result import Evaluation
from hf_distill.hub.results import verdict


def numbers(evaluation: Evaluation) -> dict[str, list[float | None]]:
    """Return mean and spread, in per cent, of what both measure."""
    row = evaluation.rows[0]
    found = {"set": (row["mean"], row["std"]), "all data": (row["full_mean"], row["full_std"])}
    found |= {name: (row["baselines"][name]["mean"], row["baselines"][name]["std"]) for name in ("random", "kmeans")}
    return {name: [100 * mean, 100 * (std or 0.0)] for name, (mean, std) in found.items()}


def main() -> None:
    commit()
    wine = load_wine(as_frame=True).frame.rename(columns={"target": "label"})
    rows: list[dict[str, Any]] = []
    for name, data, size in (
        ("digits, 1 a class", "digits", {"per_class": 1}),
        ("digits, 10 a class", "digits", {"per_class": 10}),
        ("wine, 5 a class", wine, {"per_class": 5}),
    ):
        real = as_data(data)
        with tempfile.TemporaryDirectory() as folder:
            hf_distill.distill(real, folder=f"{folder}/set", progress=False, **size)
            for quick in (True, False):
                started = time.perf_counter()
                evaluation = hf_distill.evaluate(f"{folder}/set", real, quick=quick, progress=False)
                seconds = time.perf_counter() - started
                row = {"data": name, "protocol": "quick" if quick else "whole", "seconds": round(seconds, 1)}
                rows.append({**row, **numbers(evaluation), "verdict": verdict(evaluation.rows[0])})
                print(rows[-1], flush=True)
    save(
        "quick",
        rows,
        title="A sketch beside the whole protocol",
        note="accuracy in per cent; a sketch has three networks of 300 steps, the protocol five of 1,000 epochs (300 "
        "without augmentation), each with the same test rows",
    )


if __name__ == "__main__":
    main()
