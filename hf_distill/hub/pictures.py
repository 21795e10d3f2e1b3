"""Pictures beside the preview: spectra, forecasts, whatever a method shows on the card."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from pathlib import Path

from PIL import Image as PILImage

from hf_distill.errors import UserError
from hf_distill.hub.record import PICTURES

_NAME = re.compile(r"[\w-]+\.png")


def encode_pictures(pictures: Mapping[str, PILImage.Image | bytes]) -> dict[str, bytes]:
    """Return PNG bytes by file name.

    Raises:
        UserError: A name is no plain ``.png`` file name.
    """
    encoded = {}
    for name, picture in pictures.items():
        if not _NAME.fullmatch(name):
            raise UserError(f"a picture cannot be called {name!r}: use letters, digits, - and _, and the ending .png")
        if isinstance(picture, bytes):
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
    """Read them back; one that is gone is left out, since no number depends on it."""
    paths = {name: folder / PICTURES / name for name in names}
    return {name: path.read_bytes() for name, path in paths.items() if path.is_file()}
