"""Line plots as small multiples, with nothing but Pillow."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image as PILImage
from PIL import ImageDraw, ImageFont

#: Colours of the lines, in their order: told apart by the colour-blind too (Okabe and Ito, 2008).
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#888888")
_INK, _GRID = "#444444", "#dddddd"
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 10, 18, 20  # margins of a panel in pixels
_LEGEND = 20
_SMOOTH = 2  # lines are drawn so many times larger and reduced
_DOT = 4 * _SMOOTH  # radius of a line of one point


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


def line_plot(
    panels: Sequence[Panel], *, columns: int = 2, size: tuple[int, int] = (400, 150), caption: str = ""
) -> PILImage.Image:
    """Draw panels side by side and below each other.

    Args:
        panels: The plots. A line's name has the same colour in all of them; with more than one name there is a legend.
        columns: Panels in a row.
        size: Width and height of a panel in pixels, margins included.
        caption: Stands in the first line, before the legend.

    Returns:
        An RGB picture; equal values give equal pixels.
    """
    columns = min(columns, len(panels))
    names = list(dict.fromkeys(name for panel in panels for name in panel.lines))
    colours = {name: COLOURS[place % len(COLOURS)] for place, name in enumerate(names)}
    head = _LEGEND if caption or len(names) > 1 else 0
    rows = -(-len(panels) // columns)
    picture = PILImage.new("RGB", (columns * size[0], head + rows * size[1]), "white")
    font = ImageFont.load_default()
    if head:
        _legend(picture, caption, colours if len(names) > 1 else {}, font)
    for place, panel in enumerate(panels):
        corner = (place % columns * size[0], head + place // columns * size[1])
        picture.paste(_draw(panel, colours, size, font), corner)
    return picture


def _legend(picture: PILImage.Image, caption: str, colours: dict[str, str], font: Any) -> None:
    draw = ImageDraw.Draw(picture)
    left = 8.0
    draw.text((left, 5), _printable(caption), fill=_INK, font=font)
    left += font.getlength(_printable(caption)) + (16 if caption else 0)
    for name, colour in colours.items():
        draw.line((left, 11, left + 16, 11), fill=colour, width=2)
        draw.text((left + 20, 5), _printable(name), fill=_INK, font=font)
        left += font.getlength(_printable(name)) + 36


def _draw(panel: Panel, colours: dict[str, str], size: tuple[int, int], font: Any) -> PILImage.Image:
    picture = PILImage.new("RGB", size, "white")
    box = (_LEFT, _TOP, size[0] - _RIGHT, size[1] - _BOTTOM)
    points = {name: _points(panel, name) for name in panel.lines}
    everything = np.concatenate(list(points.values()) or [np.empty((0, 2))])
    everything = everything[np.isfinite(everything).all(1)]
    (left, low), (right, high) = (everything.min(0), everything.max(0)) if len(everything) else ((0, 0), (1, 1))
    if high - low <= 1e-9 * max(abs(high), abs(low)):  # a constant line goes through the middle
        low, high = low - 0.5, high + 0.5
    pad = 0.04 * (high - low)
    low, high, right = low - pad, high + pad, max(right, left + 1e-9)

    def place(xy: np.ndarray) -> np.ndarray:
        share = (xy - (left, low)) / (right - left, high - low)
        return np.stack((box[0] + share[:, 0] * (box[2] - box[0]), box[3] - share[:, 1] * (box[3] - box[1])), 1)

    draw = ImageDraw.Draw(picture)
    for tick in _ticks(low, high, 3):
        y = place(np.array([[left, tick]]))[0, 1]
        draw.line((box[0], y, box[2], y), fill=_GRID)
        text = f"1e{tick:.3g}" if panel.log else f"{tick:.4g}"
        draw.text((box[0] - 4 - font.getlength(text), y - 6), text, fill=_INK, font=font)
    for tick in _ticks(left, right, 5):
        x = place(np.array([[tick, low]]))[0, 0]
        draw.line((x, box[3], x, box[3] + 3), fill=_INK)
        text = f"{tick:.4g}"
        draw.text((min(x - font.getlength(text) / 2, size[0] - font.getlength(text)), box[3] + 4), text, _INK, font)
    draw.text((box[0], 3), _printable(panel.title), fill=_INK, font=font)
    _lines(picture, box, {name: place(p) for name, p in points.items()}, colours)
    draw.rectangle(box, outline=_INK)
    return picture


def _points(panel: Panel, name: str) -> np.ndarray:
    """Return the points ``(T, 2)`` of a line; gaps are NaN."""
    y = np.asarray(panel.lines[name], np.float64)
    own = panel.x.get(name) if isinstance(panel.x, dict) else panel.x
    x = np.arange(len(y), dtype=np.float64) if own is None else np.asarray(own, np.float64)
    if panel.log:
        y = np.log10(np.where(y > 0, y, np.nan))
    return np.stack((x, np.where(np.isfinite(y), y, np.nan)), 1)


def _lines(
    picture: PILImage.Image, box: tuple[int, int, int, int], lines: dict[str, np.ndarray], colours: dict[str, str]
) -> None:
    """Draw lines of pixel positions into the box, smoothly."""
    inside = picture.crop(box)
    large = inside.resize((inside.width * _SMOOTH, inside.height * _SMOOTH), PILImage.Resampling.NEAREST)
    draw = ImageDraw.Draw(large)
    for name, points in lines.items():
        scaled = (points - box[:2]) * _SMOOTH
        gaps = np.flatnonzero(~np.isfinite(scaled).all(1))
        for part in np.split(scaled, gaps):
            part = part[np.isfinite(part).all(1)]
            if len(part) > 1:
                draw.line([tuple(point) for point in part.tolist()], fill=colours[name], width=_SMOOTH)
            elif len(part):
                x, y = part[0]
                draw.ellipse((x - _DOT, y - _DOT, x + _DOT, y + _DOT), fill=colours[name])
    picture.paste(large.resize(inside.size, PILImage.Resampling.BOX), box[:2])


def _ticks(low: float, high: float, about: int) -> list[float]:
    """Return round numbers between two values, at distances of 1, 2 or 5 times a power of ten."""
    raw = (high - low) / about
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= raw * 0.999)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [number * step for number in range(first, last + 1)]


def _printable(text: str) -> str:
    """Replace what the built-in font has no glyphs for."""
    return text.encode("latin-1", "replace").decode("latin-1")
