"""Line plots as small multiples, by matplotlib where it is installed."""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from PIL import Image as PILImage

from hf_distill.text import printable, shorten

#: Colours of the lines, in their order: told apart by the colour-blind too (Okabe and Ito, 2008).
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#888888")
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 10, 18, 20  # margins of a panel in pixels
_LEGEND = 20  # height of a line of text above the panels
_DPI = 100
_FONT = 7.5
# Values beyond are drawn at it: matplotlib's axes overflow.
_MOST = 1e100


@dataclass(frozen=True)
class Panel:
    """One plot of several lines.

    Attributes:
        title: Stands above it.
        lines: Values ``(T,)`` of each line by its name, in the order of their colours; what is not finite is a gap.
        x: Where the values stand, one sequence for all lines or one a line; their numbers 0, 1, ... if None.
        log: Logarithmic vertical axis; values of zero or less are gaps.
    """

    title: str
    lines: dict[str, Any]
    x: Sequence[float] | dict[str, Sequence[float]] | None = None
    log: bool = False


@cache
def can_plot() -> bool:
    """Whether matplotlib is there; says so once where it is not, since no number depends on a picture."""
    found = importlib.util.find_spec("matplotlib") is not None
    if not found:
        warnings.warn("plots are left out without matplotlib: pip install 'hf-distill[plot]'", stacklevel=2)
    return found


def line_plot(
    panels: Sequence[Panel], *, columns: int = 2, size: tuple[int, int] = (400, 150), caption: str = ""
) -> PILImage.Image | None:
    """Draw panels side by side and below each other.

    Args:
        panels: The plots. A line's name has the same colour in all of them; with more than one name there is a legend.
        columns: Panels in a row.
        size: Width and height of a panel in pixels, margins included.
        caption: Stands in the first line, before the legend.

    Returns:
        An RGB picture; equal values give equal pixels. None where matplotlib is missing.
    """
    if not can_plot():
        return None
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    columns = min(columns, len(panels))
    names = list(dict.fromkeys(name for panel in panels for name in panel.lines))
    colours = {name: COLOURS[place % len(COLOURS)] for place, name in enumerate(names)}
    head = _LEGEND * bool(caption) + _LEGEND * (len(names) > 1)
    width, height = columns * size[0], head + -(-len(panels) // columns) * size[1]
    # Not pyplot: its state, its windows and a user's own style are none of ours.
    own = {**matplotlib.rcParamsDefault, "font.size": _FONT, "axes.linewidth": 0.6, "axes.xmargin": 0.02}
    with matplotlib.rc_context(own), warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # characters that the font lacks
        figure = Figure(figsize=(width / _DPI, height / _DPI), dpi=_DPI, facecolor="white")
        canvas = FigureCanvasAgg(figure)
        for place, panel in enumerate(panels):
            left = place % columns * size[0] + _LEFT
            low = height - head - (place // columns + 1) * size[1] + _BOTTOM
            inside = (size[0] - _LEFT - _RIGHT, size[1] - _TOP - _BOTTOM)
            box = (left / width, low / height, inside[0] / width, inside[1] / height)
            _draw(figure.add_axes(box), panel, colours)
        if caption:
            figure.text(8 / width, 1 - _LEGEND / 2 / height, _said(caption), va="center")
        if len(names) > 1:
            figure.legend(
                [Line2D([], [], color=colours[name]) for name in names],
                [_said(name) for name in names],
                loc="upper left",
                bbox_to_anchor=(0, 1 - _LEGEND * bool(caption) / height),
                ncols=len(names),
                frameon=False,
            )
        canvas.draw()
        return PILImage.fromarray(np.asarray(canvas.buffer_rgba())[..., :3].copy())


def _draw(axes: Any, panel: Panel, colours: dict[str, str]) -> None:
    axes.set_title(_said(panel.title), loc="left", fontsize=_FONT, pad=3)
    axes.grid(axis="y", color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(length=2, pad=2, width=0.6)
    axes.locator_params("x", nbins=6)
    axes.locator_params("y", nbins=4)
    drawn = False
    for name, values in panel.lines.items():
        y = np.asarray(values, np.float64)
        own = panel.x.get(name) if isinstance(panel.x, dict) else panel.x
        x = np.arange(len(y), dtype=np.float64) if own is None else np.asarray(own, np.float64)
        y = np.where(np.isfinite(y) & (y > 0) if panel.log else np.isfinite(y), np.clip(y, -_MOST, _MOST), np.nan)
        points = int(np.isfinite(y).sum())
        axes.plot(x, y, color=colours[name], linewidth=1, marker="o" if points == 1 else None, markersize=5)
        drawn = drawn or points > 0
    if panel.log and drawn:
        axes.set_yscale("log")
        axes.minorticks_off()


def _said(text: str) -> str:
    """Return a name of anybody's as text to draw, which is no formula."""
    return shorten(printable(text[:1000])).replace("$", r"\$")
