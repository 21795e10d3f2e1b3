"""Images as PNG files without loss, and back; what is read may be a stranger's."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Iterator

import numpy as np
from PIL import Image as PILImage

from hf_distill.errors import ArtifactError, UserError

#: Pillow's name of an image with so many channels.
MODES = {1: "L", 3: "RGB", 4: "RGBA"}


def encode_png(image: np.ndarray) -> bytes:
    """Encode a uint8 image ``(C, H, W)`` without loss."""
    channels = image.shape[0]
    if channels not in MODES:
        raise UserError(f"images with {channels} channels cannot be stored as PNG: use 1 (grey), 3 (RGB) or 4 (RGBA)")
    buffer = io.BytesIO()
    array = image[0] if channels == 1 else np.ascontiguousarray(image.transpose(1, 2, 0))
    PILImage.fromarray(array, MODES[channels]).save(buffer, format="PNG", optimize=True)
    return buffer.getvalue()


def decode_png(data: bytes | None, shape: tuple[int, ...]) -> np.ndarray:
    """Decode a PNG to uint8 ``(C, H, W)``.

    Args:
        data: The PNG.
        shape: What it must hold, ``(C, H, W)``; a few bytes can claim to be a picture of gigabytes.

    Raises:
        ArtifactError: It is no PNG, or one of another size or mode.
    """
    channels, height, width = shape
    with open_png(data, height * width) as image:
        if image.size != (width, height) or image.mode != MODES[channels]:
            raise ArtifactError(
                f"a picture is {image.width} x {image.height} {image.mode}, not {width} x {height} {MODES[channels]}: "
                "it is damaged"
            )
        return np.asarray(image).reshape(height, width, channels).transpose(2, 0, 1)


@contextlib.contextmanager
def open_png(data: bytes | None, most: int) -> Iterator[PILImage.Image]:
    """Open a PNG of so many pixels at most, without another decoder being tried.

    Raises:
        ArtifactError: It is no PNG, too large or damaged.
    """
    try:
        # Pillow decodes a picture when its pixels are asked for: in the block its size is known and nothing is spent.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", PILImage.DecompressionBombWarning)
            image = PILImage.open(io.BytesIO(data or b""), formats=("PNG",))
        if image.width * image.height > most:
            raise ArtifactError(f"a picture has {image.width} x {image.height} pixels, more than {most:,}: not read")
        yield image
    except (OSError, SyntaxError, ValueError, EOFError, PILImage.DecompressionBombError) as error:
        raise ArtifactError(f"a picture is no PNG that can be read ({type(error).__name__}): it is damaged") from error
