"""The picture of a classification set: classes as rows; images as a grid, vectors as a heat map."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa
from PIL import Image as PILImage
from PIL import ImageDraw, ImageFont
from torch import Tensor

from hf_distill.data.kinds.mixed import MixedKind
from hf_distill.data.spec import DataSpec
from hf_distill.hub.formats.spectrograms import spectrograms
from hf_distill.text import printable

_COLUMNS = 10
_ROWS = 20
_TILE = 56  # pixels that a small image is enlarged to, at most and in whole steps
_LARGEST = 96  # pixels that a large image is reduced to
_STRIPS, _FRAMES = 2, 12  # videos of a class, and frames of each, that are drawn
_GAP = 4
_CAPTION = 90  # widest caption in pixels
_LINE = 640  # pixels of a line of text
_LONGEST = 200  # characters that are measured; far fewer fit


def class_grid(spec: DataSpec, stored: np.ndarray, y: Tensor) -> PILImage.Image:
    """Draw up to ten samples of each of up to twenty classes.

    Args:
        spec: What the samples are.
        stored: Inputs ``(M, *shape)``, as published.
        y: Targets ``(M,)`` or ``(M, outputs)``.

    Returns:
        An RGB picture; equal samples give equal pixels.
    """
    labels = spec.goal.group_of(y).numpy()
    present = [index for index in range(spec.num_groups) if (labels == index).any()][:_ROWS]
    chosen = [np.flatnonzero(labels == index)[:_COLUMNS] for index in present]
    names = [spec.classes[index] if spec.num_groups > 1 else "" for index in present]
    return _stack([DRAWINGS[spec.kind](spec, stored[samples]) for samples in chosen], names)


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
    red, blue = np.where(value < 0, 1 + value, 1), np.where(value > 0, 1 - value, 1)
    colours = np.stack([red, 1 - np.abs(value), blue], axis=-1)
    picture = PILImage.fromarray((colours * 255).round().astype(np.uint8))
    width = picture.width * max(1, 640 // picture.width) if picture.width <= 640 else 640
    height = picture.height * max(4, 24 // picture.height)
    smooth = PILImage.Resampling.BOX if picture.width > width else PILImage.Resampling.NEAREST
    return picture.resize((width, height), smooth)


def _lines(spec: DataSpec, texts: np.ndarray) -> PILImage.Image:
    """Write texts ``(B,)``, a line each, as far as it reaches."""
    font, height = ImageFont.load_default(), 14
    picture = PILImage.new("RGB", (_LINE, height * len(texts)), "white")
    draw = ImageDraw.Draw(picture)
    for place, text in enumerate(texts):
        line = printable(str(text)[:_LONGEST]).encode("latin-1", "replace").decode("latin-1")
        draw.text((0, height * place), _shorten(line, font, _LINE), fill="black", font=font)
    return picture


def _cells(spec: DataSpec, rows: np.ndarray) -> PILImage.Image:
    """Write rows of cells ``(B, columns)``, a line each, as far as it reaches."""
    said = [" | ".join(f"{cell:.4g}" if isinstance(cell, float) else str(cell) for cell in row) for row in rows]
    return _lines(spec, np.array(said, dtype=object))


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
    "columns": _cells,
    "mixed": _below_each_other,
}


def _stack(rows: list[PILImage.Image], names: list[str]) -> PILImage.Image:
    """Put rows under each other with their class names at the left."""
    font = ImageFont.load_default()
    # The built-in font has no glyphs beyond these.
    captions = [
        _shorten(printable(name[:_LONGEST]).encode("latin-1", "replace").decode("latin-1"), font) for name in names
    ]
    left = max(int(font.getlength(caption)) for caption in captions) + 2 * _GAP
    heights = [max(row.height, 12) for row in rows]
    size = (left + max(row.width for row in rows) + _GAP, sum(heights) + _GAP * (len(rows) + 1))
    picture = PILImage.new("RGB", size, "white")
    draw = ImageDraw.Draw(picture)
    top = _GAP
    for row, height, caption in zip(rows, heights, captions, strict=True):
        draw.text((_GAP, top + (height - 12) // 2), caption, fill="black", font=font)
        picture.paste(row, (left, top))
        top += height + _GAP
    return picture


def _shorten(text: str, font: ImageFont.ImageFont | ImageFont.FreeTypeFont, widest: int = _CAPTION) -> str:
    if font.getlength(text) <= widest:
        return text
    while text and font.getlength(text + "...") > widest:
        text = text[:-1]
    return text + "..."
