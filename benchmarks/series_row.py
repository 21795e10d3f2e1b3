"""What the benchmarks of series share: a run as `hf-distill distill` makes it, a line of the table, a picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from record import RESULTS

from hf_distill import DistilledDataset
from hf_distill.cli.distill import build_parser
from hf_distill.cli.messages import parse
from hf_distill.hub.plot import Panel, line_plot
from hf_distill.methods import Run
from hf_distill.synthetic.base import Synthetic

NETWORKS = ("DLinear", "iTransformer", "xPatch")


def build(options: Sequence[str]) -> Any:
    """Return data, method and evaluator of the options of `hf-distill distill`."""
    cli = build_parser()
    return cli.instantiate(parse(cli, list(options)))


def distilled(objects: Any, name: str, seed: int) -> Synthetic:
    """Distil, or go on where an earlier call was stopped: what it needs for that is in ``outputs/NAME_SEED.run``."""
    folder = Path("outputs", f"{name}_{seed}.run")
    return objects.method.fit(objects.data, Run(folder=folder, seed=seed, resume=folder.exists(), progress=False))


def measure(synthetic: Synthetic, objects: Any) -> dict[str, Any]:
    """Evaluate a set: error of every network, beside those of random pieces and of the full series if they are made."""
    artifact = DistilledDataset.from_synthetic(synthetic)
    row: dict[str, Any] = {}
    for result in objects.evaluator.evaluate(artifact, objects.data, progress=False).rows:
        row |= columns(result)
    return row


def columns(result: dict[str, Any]) -> dict[str, Any]:
    """Return the columns of one network."""
    network = result["network"]
    row: dict[str, Any] = {network: [result["mean"], result["std"] or 0.0]}
    if result["random_mean"] is not None:
        row[f"{network}, random"] = [result["random_mean"], result["random_std"] or 0.0]
    for name in ("start", "selected"):
        if name in result["baselines"]:
            own = result["baselines"][name]
            row[f"{network}, {name}"] = [own["mean"], own["std"] or 0.0]
    if result["full_mean"] is not None:
        row[f"{network}, full"] = result["full_mean"]
    return row


def picture(name: str, rows: Sequence[dict[str, Any]], at: Sequence[float], axis: str) -> None:
    """Draw the means of all rows, a panel a network, and write them beside the results.

    Args:
        name: The result's.
        rows: Of the table; a row's ``set`` names its line.
        at: Where each row stands.
        axis: What that is.
    """
    panels = []
    for network in NETWORKS:
        lines: dict[str, list[float]] = {}
        places: dict[str, list[float]] = {}
        for row, place in sorted(zip(rows, at, strict=True), key=lambda pair: pair[1]):
            for key, label in ((network, row.get("set", "distilled")), (f"{network}, random", "random piece")):
                if key in row:
                    lines.setdefault(label, []).append(row[key][0])
                    places.setdefault(label, []).append(place)
            if f"{network}, full" in row:
                lines.setdefault("full", []).append(row[f"{network}, full"])
                places.setdefault("full", []).append(place)
        panels.append(Panel(f"{network}: MSE against {axis}", lines, places))
    line_plot(panels, columns=3, size=(300, 190)).save(RESULTS / f"{name}.png", optimize=True)
