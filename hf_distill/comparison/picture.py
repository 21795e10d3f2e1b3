"""The picture of a comparison: results against bits, with the spread of networks, beside every baseline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from PIL import Image as PILImage

from hf_distill.comparison.table import groups
from hf_distill.hub.plot import COLOURS, can_plot
from hf_distill.hub.results import ERRORS, scores_of
from hf_distill.text import printable, shorten

_SIZE, _DPI = (7.2, 3.6), 110  # inches of a panel
# Points of one size stand beside each other, this share of the axis apart.
_APART = 0.02
_MARKS = "osD^vP*X"
_DASHES = ("--", ":", "-.", (0, (5, 1, 1, 1, 1, 1)))


def draw(rows: Sequence[Mapping[str, Any]]) -> PILImage.Image | None:
    """Draw a panel for each network and metric; None where matplotlib is missing.

    Args:
        rows: Of :meth:`Comparison.run`.
    """
    if not can_plot():
        return None
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    found = groups(rows)
    with matplotlib.rc_context({**matplotlib.rcParamsDefault, "font.size": 8}):
        figure = Figure(figsize=(_SIZE[0], _SIZE[1] * len(found)), dpi=_DPI, facecolor="white", layout="constrained")
        canvas = FigureCanvasAgg(figure)
        for axes, group in zip(np.atleast_1d(figure.subplots(len(found))), found, strict=True):
            _panel(axes, group)
        canvas.draw()
        return PILImage.fromarray(np.asarray(canvas.buffer_rgba())[..., :3].copy())


def _panel(axes: Any, group: Sequence[Mapping[str, Any]]) -> None:
    metric = group[0]["metric"]
    factor, unit = (1, "") if metric in ERRORS else (100, ", %")
    axes.set_title(_said(f"{metric}{unit}, {group[0]['network']}"), loc="left", fontsize=8)
    bits = [row["bits"] for row in group]
    width = max(np.log10(max(bits)) - np.log10(min(bits)), 0.5)
    for place, row in enumerate(group):
        same = [other["set"] for other in group if other["bits"] == row["bits"]]
        shift = (same.index(row["set"]) - (len(same) - 1) / 2) * _APART * width
        axes.errorbar(
            row["bits"] * 10**shift,
            factor * row["mean"],
            yerr=factor * (scores_of(row)["distilled"][1] or 0),
            fmt=_MARKS[place % len(_MARKS)],
            color=COLOURS[place % len(COLOURS)],
            markersize=5,
            capsize=2,
            label=_said(f"{row['set']} ({row['method']})"),
        )
    for place, (name, points) in enumerate(_baselines(group).items()):
        x, mean, std = (np.array([point[key] for point in sorted(points)], float) for key in range(3))
        line = {"color": "#777777", "linestyle": _DASHES[place % len(_DASHES)], "linewidth": 1}
        axes.errorbar(
            x, factor * mean, yerr=factor * std, marker=".", capsize=2, label=_said(f"{name}, baseline"), **line
        )
    full = next((row for row in group if row.get("full_mean") is not None), None)
    if full is not None:
        axes.axhline(factor * full["full_mean"], color="#000000", linewidth=0.8, label="full data")
    axes.set_xscale("log")
    axes.set_xlim(min(bits) * 10 ** (-0.3 * width), max(bits) * 10 ** (0.3 * width))
    axes.set_xlabel("bits that a reader downloads")
    axes.grid(color="#dddddd", linewidth=0.5)
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False)


def _baselines(group: Sequence[Mapping[str, Any]]) -> dict[str, set[tuple[float, float, float]]]:
    """Return bits, mean and deviation of each baseline at every size that it was measured at."""
    found: dict[str, set[tuple[float, float, float]]] = {}
    for row in group:
        scores = scores_of(row)
        for name, own in (row.get("baselines") or {}).items():
            if name not in scores:
                continue
            mean, deviation = scores[name]
            point = own.get("bits") or row["bits"], mean, deviation or 0.0
            found.setdefault(name.replace("_", " "), set()).add(point)
    return found


def _said(text: str) -> str:
    return shorten(printable(text), 60).replace("$", r"\$")
