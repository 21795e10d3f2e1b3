"""Pictures beside the preview: spectra, forecasts, whatever a method shows on the card."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from pathlib import Path

from PIL import Image as PILImage

from hf_distill.data.png import open_png
from hf_distill.errors import ArtifactError, UserError
from hf_distill.hub.contained import read_contained
from hf_distill.hub.record import PICTURES

_NAME = re.compile(r"[A-Za-z0-9_-]{1,100}\.png")
_MOST_BYTES, _MOST_PIXELS = 2**25, 50_000_000

Pictures = Mapping[str, PILImage.Image | bytes]
"""Pictures or PNG bytes by file name."""


def encode_pictures(pictures: Pictures) -> dict[str, bytes]:
    """Return PNG bytes by file name.

    Raises:
        UserError: A name is no plain ``.png`` file name, or the bytes are no PNG.
    """
    encoded = {}
    for name, picture in pictures.items():
        if not _NAME.fullmatch(name):
            raise UserError(f"a picture cannot be called {name!r}: use letters, digits, - and _, and the ending .png")
        if isinstance(picture, bytes):
            try:
                _check(picture)
            except ArtifactError as error:
                raise UserError(f"{name}: {error}") from error
            encoded[name] = picture
        else:
            buffer = io.BytesIO()
            picture.save(buffer, format="PNG", optimize=True)
            encoded[name] = buffer.getvalue()
    return encoded


def write_pictures(folder: Path, pictures: Mapping[str, bytes]) -> None:
    """Write them into an artifact's folder."""
    for name, data in pictures.items():
        (folder / PICTURES).mkdir(exist_ok=True)
        (folder / PICTURES / name).write_bytes(data)


def read_pictures(folder: Path, names: list[str]) -> dict[str, bytes]:
    """Read them back; one that is gone is left out, since no number depends on it.

    Raises:
        ArtifactError: One lies outside the folder or is no PNG of a picture's size: pushing the set publishes it.
    """
    pictures = {}
    for name in names:
        try:
            pictures[name] = read_contained(folder, f"{PICTURES}/{name}", _MOST_BYTES)
            _check(pictures[name])
        except FileNotFoundError:
            continue
        except ArtifactError as error:
            raise ArtifactError(f"{PICTURES}/{name}: {error}") from error
    return pictures


def _check(data: bytes) -> None:
    if len(data) > _MOST_BYTES:
        raise ArtifactError(f"a picture has {len(data):,} bytes, more than {_MOST_BYTES:,}")
    with open_png(data, _MOST_PIXELS) as image:
        image.load()
