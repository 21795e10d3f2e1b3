"""The card's table of numbers: the set beside its baselines."""

from __future__ import annotations

from typing import Any

from hf_distill.hub.markdown import cell
from hf_distill.text import networks_said, steps_said


def results_table(evaluation: dict[str, Any] | None) -> dict[str, Any] | None:
    """Return head and rows of the table of numbers; a column that no row has a value for is left out."""
    if not evaluation or not evaluation.get("rows"):
        return None
    rows = evaluation["rows"]
    cells = [_spreads(row) for row in rows]
    names = list(dict.fromkeys(name for spreads in cells for name, (mean, _) in spreads.items() if mean is not None))
    # The full data is the ceiling: it comes last, also where the first row lacks a baseline.
    names.sort(key=lambda name: name == "full data")
    lines = [
        [
            *(cell(row.get(key)) for key in ("network", "metric", "labels")),
            networks_said(row),
            *(_result(row, name, *spreads.get(name, (None, None))) for name in names),
            *(_number("mae", row.get(f"{key}mae_mean"), row.get(f"{key}mae_std")) for key in ("", "random_", "full_")),
            f"{row['gap_closed'] * 100:.0f} %" if row.get("gap_closed") is not None else "",
            f"{row['training_speedup']:.1f}" if row.get("training_speedup") is not None else "",
            f"{row['bits']:,}" if row.get("bits") is not None else "",
        ]
        for row, spreads in zip(rows, cells, strict=True)
    ]
    head = ["network", "metric", "labels", "networks", *map(cell, names), "MAE", "MAE random", "MAE full", "gap closed"]
    head += ["training time, full / set", "bits"]
    kept = [place for place in range(len(head)) if head[place] == "bits" or any(line[place] for line in lines)]
    return {
        "head": [head[place] for place in kept],
        "lines": [[line[place] for place in kept] for line in lines],
        "protocol": evaluation.get("protocol") or {},
    }


def features_table(evaluation: dict[str, Any] | None) -> dict[str, Any] | None:
    """Return head and rows of the distances to real samples in a feature space, where they were measured."""
    features = (evaluation or {}).get("features")
    if not features:
        return None
    lines = [
        [
            cell(row["metric"]),
            _number("", row["distilled"], None),
            _number("", row["random_mean"], row.get("random_std")),
        ]
        for row in features["rows"]
    ]
    return {"head": ["metric", "this set", "random, equal count"], "lines": lines, "protocol": features["protocol"]}


def _spreads(row: dict[str, Any]) -> dict[str, tuple[float | None, float | None]]:
    """Return mean and standard deviation of the set and of each baseline of an evaluation's row, by column name."""
    baselines = {
        name.replace("_", " "): (value.get("mean"), value.get("std"))
        for name, value in (row.get("baselines") or {}).items()
        if name != "random"
    }
    return {
        "distilled": (row.get("mean"), row.get("std")),
        "random, equal bits": (row.get("random_mean"), row.get("random_std")),
        **baselines,
        "full data": (row.get("full_mean"), row.get("full_std")),
    }


def _result(row: dict[str, Any], name: str, mean: float | None, std: float | None) -> str:
    text = _number(row.get("metric", ""), mean, std)
    return text + steps_said(row) if text and name == "full data" else text


def _number(metric: str, mean: float | None, std: float | None) -> str:
    """Format a result; accuracies and F1 scores as per cent."""
    if mean is None:
        return ""
    percent = "accuracy" in metric or "f1" in metric
    if metric in ("mse", "mae"):
        texts = [f"{value:.3f}" for value in (mean, std) if value is not None]
    else:
        texts = [f"{value * 100:.1f}" if percent else f"{value:.4g}" for value in (mean, std) if value is not None]
    return " ± ".join(texts) + (" %" if percent else "")
