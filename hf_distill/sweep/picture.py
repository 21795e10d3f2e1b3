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
    factor = 1 if any(row["metric"] in ("mse", "mae") for row in measured) else 100
    lines: dict[str, list[float]] = {}
    places: dict[str, Sequence[float]] = {}
    widths = sorted({row["bits_per_value"] for row in measured if row["kind"] == "in the loop"})
    for kind in dict.fromkeys(row["kind"] for row in measured):
        own = sorted((row for row in measured if row["kind"] == kind), key=lambda row: row["bits_per_value"] or 0)
        if kind in ("png", "jpeg", "float32"):
            places[kind], lines[kind] = [widths[0], widths[-1]], [factor * own[0]["mean"]] * 2
        else:
            places[kind] = [row["bits_per_value"] for row in own]
            lines[kind] = [factor * row["mean"] for row in own]
    best = sweet_spot(rows)
    title = f"{'accuracy, %' if factor == 100 else 'MSE'} against bits a value"
    if best is not None:
        title += f"; sweet spot (dot) {best}"
        places["sweet spot"] = [best]
        lines["sweet spot"] = [lines["in the loop"][places["in the loop"].index(best)]]
    return line_plot([Panel(title, lines, places)], size=(720, 320))
