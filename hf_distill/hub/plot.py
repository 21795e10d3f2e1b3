"""Line plots as small multiples, by matplotlib where it is installed."""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
from PIL import Image as PILImage

from hf_distill.text import printable, shorten

#: Colours of the lines, in their order: told apart by the colour-blind too (Okabe and Ito, 2008).
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#888888")
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 10, 18, 20  # margins of a panel in points
_TITLE = 14  # and what the title of an axis takes
_LEGEND = 20  # height of a line of text above the panels
_DPI = 100
#: Pixels of a point: pictures are sharp on screens of today.
SCALE = 2
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
        x_title: What the horizontal axis counts, with its unit.
        y_title: The same of the vertical axis.
        errors: Half the height of the error bars ``(T,)`` of some lines.
        ticks: Places on the horizontal axis that are named, which is logarithmic then; chosen if None.
        now: A place on the horizontal axis that a dashed line marks, and what it is.
    """

    title: str
    lines: dict[str, Any]
    x: Sequence[float] | dict[str, Sequence[float]] | None = None
    log: bool = False
    x_title: str = ""
    y_title: str = ""
    errors: Mapping[str, Sequence[float]] = field(default_factory=dict)
    ticks: Sequence[float] | None = None
    now: tuple[float, str] | None = None


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
        size: Width and height of a panel in points, margins included.
        caption: Stands in the first line, before the legend.

    Returns:
        An RGB picture of ``SCALE`` pixels a point; equal values give equal pixels. None where matplotlib is missing.
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
        figure = Figure(figsize=(width / _DPI, height / _DPI), dpi=SCALE * _DPI, facecolor="white")
        canvas = FigureCanvasAgg(figure)
        for place, panel in enumerate(panels):
            beside, below = _LEFT + _TITLE * bool(panel.y_title), _BOTTOM + _TITLE * bool(panel.x_title)
            left = place % columns * size[0] + beside
            low = height - head - (place // columns + 1) * size[1] + below
            inside = (size[0] - beside - _RIGHT, size[1] - _TOP - below)
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
    axes.set_xlabel(_said(panel.x_title), labelpad=2)
    axes.set_ylabel(_said(panel.y_title), labelpad=2)
    axes.grid(axis="y", color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(length=2, pad=2, width=0.6)
    axes.locator_params("x", nbins=6)
    axes.locator_params("y", nbins=5)
    if panel.ticks is not None:
        axes.set_xscale("log")
        axes.set_xticks(panel.ticks, [f"{tick:g}" for tick in panel.ticks], minor=False)
        axes.xaxis.minorticks_off()
    drawn = False
    for name, values in panel.lines.items():
        y = np.asarray(values, np.float64)
        own = panel.x.get(name) if isinstance(panel.x, dict) else panel.x
        x = np.arange(len(y), dtype=np.float64) if own is None else np.asarray(own, np.float64)
        y = np.where(np.isfinite(y) & (y > 0) if panel.log else np.isfinite(y), np.clip(y, -_MOST, _MOST), np.nan)
        points = int(np.isfinite(y).sum())
        marked = points == 1 or name in panel.errors
        axes.plot(x, y, color=colours[name], linewidth=1, marker="o" if marked else None, markersize=3)
        if name in panel.errors:
            axes.errorbar(x, y, panel.errors[name], color=colours[name], linewidth=0, elinewidth=0.8, capsize=2)
        drawn = drawn or points > 0
    if panel.now is not None:
        place, said = panel.now
        axes.axvline(place, color="#555555", linewidth=0.8, linestyle="--")
        axes.text(place, 0.03, f" {_said(said)}", transform=axes.get_xaxis_transform(), color="#555555")
    if panel.log and drawn:
        axes.set_yscale("log")
        axes.minorticks_off()


def _said(text: str) -> str:
    """Return a name of anybody's as text to draw, which is no formula."""
    return shorten(printable(text[:1000])).replace("$", r"\$")
