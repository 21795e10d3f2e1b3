"""The picture of a sweep: results against bits a value, and where they are best."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PIL import Image as PILImage

from hf_distill.hub.plot import Panel, line_plot


def sweet_spot(rows: list[dict[str, Any]]) -> int | None:
    """Return the precision at which quantization in the loop is best: highest accuracy, or lowest error."""
    own = [row for row in rows if row["kind"] == "in the loop" and row["mean"] is not None]
    if not own:
        return None
    sign = -1 if own[0]["metric"] in ("mse", "mae") else 1
    return max(own, key=lambda row: sign * row["mean"])["bits_per_value"]


def draw(rows: list[dict[str, Any]]) -> PILImage.Image | None:
    """Draw the result against bits a value; what has no precision of its own is a level line. None: no matplotlib."""
    measured = [row for row in rows if row["mean"] is not None]
    metric = measured[0]["metric"] if measured else ""
    factor = 100 if "accuracy" in metric or "f1" in metric else 1
    widths = sorted({row["bits_per_value"] for row in measured if row["kind"] == "in the loop"})
    lines: dict[str, list[float]] = {}
    places: dict[str, Sequence[float]] = {}
    errors: dict[str, list[float]] = {}
    for kind in dict.fromkeys(row["kind"] for row in measured):
        own = sorted((row for row in measured if row["kind"] == kind), key=lambda row: row["bits_per_value"] or 0)
        if kind in ("png", "jpeg", "float32"):
            places[kind], own = [widths[0], widths[-1]], own[:1] * 2
        else:
            places[kind] = [row["bits_per_value"] for row in own]
        lines[kind] = [factor * row["mean"] for row in own]
        errors[kind] = [factor * (row.get("std") or 0.0) for row in own]
    best = sweet_spot(rows)
    panel = Panel(
        "one budget, few samples of many bits or many of few; bars are a standard deviation",
        lines,
        places,
        x_title="bits a value",
        y_title=f"{metric.replace('_', ' ')}{' (%)' if factor == 100 else ''}",
        errors=errors,
        ticks=sorted({*widths, *(place for own in places.values() for place in own)}),
        now=None if best is None else (best, f"best in the loop: {best}"),
    )
    return line_plot([panel], size=(720, 320))
