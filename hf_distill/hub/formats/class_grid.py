"""The picture of a classification set: classes as rows; images as a grid, vectors as a heat map."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from PIL import Image as PILImage
from PIL import ImageDraw, ImageFont
from torch import Tensor

from hf_distill.data.kinds.mixed import MixedKind
from hf_distill.data.spec import DataSpec
from hf_distill.hub.formats.curves import curves
from hf_distill.hub.formats.spectrograms import spectrograms
from hf_distill.text import printable

_COLUMNS = 10
_ROWS = 20
_ALONE = 100  # classes that are drawn where each has a single sample
_TILE = 112  # pixels that a small image is enlarged to, at most and in whole steps
_LARGEST = 192  # pixels that a large image is reduced to
_STRIPS, _FRAMES = 2, 12  # videos of a class, and frames of each, that are drawn
_GAP = 8
_FONT = 20
_CAPTION = 180  # widest caption in pixels
_LINE = 1280  # pixels of a line of text
_CELL = 90  # narrowest column of cells
_NAMED = 40  # columns that are named below a heat map
_LONGEST = 200  # characters that are measured; far fewer fit


def class_grid(spec: DataSpec, stored: np.ndarray, y: Tensor) -> PILImage.Image:
    """Draw up to ten samples of each of up to twenty classes; of a single one each, a compact grid of more classes.

    Args:
        spec: What the samples are.
        stored: Inputs ``(M, *shape)``, as published.
        y: Targets ``(M,)`` or ``(M, outputs)``.

    Returns:
        An RGB picture; equal samples give equal pixels.
    """
    labels = spec.goal.group_of(y).numpy()
    present = [index for index in range(spec.num_groups) if (labels == index).any()]
    alone = len(present) == len(labels) > 1 and spec.kind in _TILES
    present = present[: _ALONE if alone else _ROWS]
    chosen = [np.flatnonzero(labels == index)[:_COLUMNS] for index in present]
    names = [spec.classes[index] if spec.num_groups > 1 else "" for index in present]
    rows = [DRAWINGS[spec.kind](spec, stored[samples]) for samples in chosen]
    if alone:
        rows, names = [_compact(rows, names)], [""]
    if spec.kind in LEGENDS:
        rows, names = [*rows, LEGENDS[spec.kind](spec, rows[0].width)], [*names, ""]
    return rows[0] if len(rows) == 1 and alone else _stack(rows, names)


def _images(spec: DataSpec, images: np.ndarray) -> PILImage.Image:
    return _image_row([_tile(image) for image in images])


def _tile(image: np.ndarray) -> PILImage.Image:
    """Turn ``(C, H, W)`` into RGB, enlarged in whole steps without smoothing or reduced to fit."""
    array = image[:3] if len(image) >= 3 else np.repeat(image[:1], 3, axis=0)
    tile = PILImage.fromarray(np.ascontiguousarray(array.transpose(1, 2, 0)))
    side = max(tile.size)
    if side > _LARGEST:
        tile.thumbnail((_LARGEST, _LARGEST))
        return tile
    factor = max(1, _TILE // side)
    return tile.resize((tile.width * factor, tile.height * factor), PILImage.Resampling.NEAREST)


def _image_row(tiles: list[PILImage.Image]) -> PILImage.Image:
    width, height = tiles[0].size
    row = PILImage.new("RGB", (len(tiles) * (width + _GAP) - _GAP, height), "white")
    for position, tile in enumerate(tiles):
        row.paste(tile, (position * (width + _GAP), 0))
    return row


def _film(spec: DataSpec, videos: np.ndarray) -> PILImage.Image:
    """Draw the first videos ``(B, T, C, H, W)`` of a class as strips below each other, time from left to right."""
    return _column([_image_row([_tile(frame) for frame in _spaced(video)]) for video in videos[:_STRIPS]])


def _column(pictures: list[PILImage.Image]) -> PILImage.Image:
    """Put pictures below each other."""
    size = (max(picture.width for picture in pictures), sum(picture.height + _GAP for picture in pictures) - _GAP)
    column, top = PILImage.new("RGB", size, "white"), 0
    for picture in pictures:
        column.paste(picture, (0, top))
        top += picture.height + _GAP
    return column


def _spaced(video: np.ndarray) -> np.ndarray:
    """Return as many frames as fit into a strip, at equal distances."""
    count = min(len(video), _FRAMES)
    return video[np.linspace(0, len(video) - 1, count).round().astype(int)]


def _heat_map(spec: DataSpec, vectors: np.ndarray) -> PILImage.Image:
    """Draw vectors ``(B, D)``, a line each: blue below the training split's mean, red above, full at two deviations."""
    mean, std = np.asarray(spec.mean, np.float64), np.asarray(spec.std, np.float64)
    value = np.clip((vectors - mean) / np.where(std == 0, 1, std) / 2, -1, 1)
    picture = PILImage.fromarray(_coloured(value))
    width = picture.width * max(1, _LINE // picture.width) if picture.width <= _LINE else _LINE
    height = picture.height * max(12, 48 // picture.height)
    smooth = PILImage.Resampling.BOX if picture.width > width else PILImage.Resampling.NEAREST
    return picture.resize((width, height), smooth)


def _coloured(value: np.ndarray) -> np.ndarray:
    """Return values of -1 to 1 as colours from blue over white to red."""
    red, blue = np.where(value < 0, 1 + value, 1), np.where(value > 0, 1 - value, 1)
    return (np.stack([red, 1 - np.abs(value), blue], axis=-1) * 255).round().astype(np.uint8)


def _heat_legend(spec: DataSpec, width: int) -> PILImage.Image:
    """Draw what is below a heat map: the names of its columns where there are few, and the scale of its colours."""
    size, font = len(spec.mean), _font()
    scale = PILImage.new("RGB", (max(width, 900), _FONT + 4), "white")
    scale.paste(PILImage.fromarray(np.stack([_coloured(np.linspace(-1, 1, 256))] * _FONT)), (0, 0))
    said = "from 2 standard deviations below the mean (blue) to 2 above (red)"
    if len(spec.columns) == size <= _NAMED:
        names = [_upright(spec.columns, width)]
    else:
        names, said = [], f"{said}; entries 0 to {size - 1} of {_shorten(_drawable(spec.input_column), font)}"
    ImageDraw.Draw(scale).text((256 + _GAP, 0), said, "black", font)
    return _column([*names, scale])


def _upright(names: Sequence[str], width: int) -> PILImage.Image:
    """Write names below columns of one width, turned by a quarter."""
    font = _font()
    texts = [_shorten(_drawable(name), font) for name in names]
    longest = max(int(font.getlength(text)) for text in texts) + 1
    picture = PILImage.new("RGB", (width, longest), "white")
    for place, text in enumerate(texts):
        line = PILImage.new("RGB", (longest, _FONT + 4), "white")
        ImageDraw.Draw(line).text((longest - font.getlength(text), 0), text, fill="black", font=font)
        middle = (place + 0.5) * width / len(texts)
        picture.paste(line.rotate(90, expand=True), (int(middle) - line.height // 2, 0))
    return picture


def _sound_legend(spec: DataSpec, width: int) -> PILImage.Image:
    """Say what the sides of a spectrogram are."""
    rate, picture = int(spec.about["sampling_rate"]), PILImage.new("RGB", (max(width, 900), _FONT + 4), "white")
    said = f"each from 0 to {spec.shape[0] / rate:.3g} s (right) and from 0 to {rate / 2000:.3g} kHz (up, mel scale)"
    ImageDraw.Draw(picture).text((0, 0), said, "black", _font())
    return picture


def _lines(spec: DataSpec, texts: np.ndarray) -> PILImage.Image:
    """Write texts ``(B,)``, a line each, as far as it reaches."""
    font, height = _font(), _FONT + 8
    picture = PILImage.new("RGB", (_LINE, height * len(texts)), "white")
    draw = ImageDraw.Draw(picture)
    for place, text in enumerate(texts):
        draw.text((0, height * place), _shorten(_drawable(str(text)), font, _LINE), fill="black", font=font)
    return picture


def _cells(spec: DataSpec, rows: np.ndarray) -> PILImage.Image:
    """Write rows of cells ``(B, columns)``, a line each, in columns of one width."""
    font, height, count = _font(), _FONT + 8, rows.shape[1]
    width = max(_LINE // count, _CELL)
    kinds = [spec.features.get(name) or {} for name in spec.columns]
    picture = PILImage.new("RGB", (width * count, height * len(rows)), "white")
    draw = ImageDraw.Draw(picture)
    for line, row in enumerate(rows):
        for place, value in enumerate(row):
            text = _shorten(_drawable(_said(kinds[place], value)), font, width - _GAP)
            draw.text((width * place + (width - font.getlength(text)) // 2, height * line), text, "black", font)
    return picture


def _said(feature: dict[str, Any], value: Any) -> str:
    """Return a cell in words: the name of a class, four digits of a number."""
    if feature.get("_type") == "ClassLabel" and isinstance(value, int):
        return str(feature["names"][value])
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _cells_legend(spec: DataSpec, width: int) -> PILImage.Image:
    return _upright(spec.columns, width)


def _below_each_other(spec: DataSpec, rows: np.ndarray) -> PILImage.Image:
    """Draw every column of samples ``(B, columns)`` as its kind is drawn, one below the other."""
    table = pa.table(spec.form.write(spec, rows))
    return _column([DRAWINGS[part.kind](part, part.form.read(part, table)) for part in MixedKind.parts(spec)])


#: How samples of one class ``(B, *shape)``, as published, are drawn in a line.
DRAWINGS: dict[str, Callable[[DataSpec, np.ndarray], PILImage.Image]] = {
    "image": _images,
    "frames": _film,
    "audio": spectrograms,
    "text": _lines,
    "vector": _heat_map,
    "signal": curves,
    "columns": _cells,
    "mixed": _below_each_other,
}


#: What is drawn below samples of a kind, as wide as they are.
LEGENDS: dict[str, Callable[[DataSpec, int], PILImage.Image]] = {
    "vector": _heat_legend,
    "audio": _sound_legend,
    "columns": _cells_legend,
}
# Kinds of which a single sample is a tile of a grid.
_TILES = ("image", "audio", "signal")


def _stack(rows: list[PILImage.Image], names: list[str]) -> PILImage.Image:
    """Put rows under each other with their class names at the left."""
    font = _font()
    captions = [_shorten(_drawable(name), font) for name in names]
    left = max(int(font.getlength(caption)) for caption in captions) + 2 * _GAP
    heights = [max(row.height, _FONT) for row in rows]
    size = (left + max(row.width for row in rows) + _GAP, sum(heights) + _GAP * (len(rows) + 1))
    picture = PILImage.new("RGB", size, "white")
    draw = ImageDraw.Draw(picture)
    top = _GAP
    for row, height, caption in zip(rows, heights, captions, strict=True):
        draw.text((_GAP, top + (height - _FONT) // 2), caption, fill="black", font=font)
        picture.paste(row, (left, top))
        top += height + _GAP
    return picture


def _compact(tiles: list[PILImage.Image], names: list[str]) -> PILImage.Image:
    """Put tiles into a grid, each under the name of its class."""
    font, line = _font(), _FONT + 4
    width, height = max(tile.width for tile in tiles) + _GAP, max(tile.height for tile in tiles) + line + _GAP
    columns = min(_COLUMNS, len(tiles), max(1, _LINE // width))
    picture = PILImage.new("RGB", (columns * width + _GAP, -(-len(tiles) // columns) * height + _GAP), "white")
    draw = ImageDraw.Draw(picture)
    for place, (tile, name) in enumerate(zip(tiles, names, strict=True)):
        left, top = _GAP + place % columns * width, _GAP + place // columns * height
        draw.text((left, top), _shorten(_drawable(name), font, tile.width), fill="black", font=font)
        picture.paste(tile, (left, top + line))
    return picture


def _font() -> ImageFont.ImageFont | ImageFont.FreeTypeFont:
    return ImageFont.load_default(_FONT)


def _drawable(text: str) -> str:
    """Return text with the characters alone that the built-in font has."""
    return printable(text[:_LONGEST]).encode("latin-1", "replace").decode("latin-1")


def _shorten(text: str, font: ImageFont.ImageFont | ImageFont.FreeTypeFont, widest: int = _CAPTION) -> str:
    if font.getlength(text) <= widest:
        return text
    while text and font.getlength(text + "...") > widest:
        text = text[:-1]
    return text + "..."
