"""The picture of the closest pairs."""

from __future__ import annotations

import numpy as np
from PIL import Image as PILImage

from hf_distill.data.spec import DataSpec
from hf_distill.hub.formats.class_grid import DRAWINGS

#: Pairs that are drawn at most.
PAIRS = 10
_GAP = 4


def draw_pairs(spec: DataSpec, samples: np.ndarray, rows: np.ndarray) -> PILImage.Image:
    """Draw samples in a line and below each the training row that it is closest to.

    Args:
        spec: What they are.
        samples: Published values, a row each.
        rows: Values of training rows, a row for each sample.
    """
    above, below = (DRAWINGS[spec.kind](spec, each) for each in (samples, rows))
    size = (max(above.width, below.width), above.height + _GAP + below.height)
    picture = PILImage.new("RGB", size, "white")
    picture.paste(above, (0, 0))
    picture.paste(below, (0, above.height + _GAP))
    return picture
