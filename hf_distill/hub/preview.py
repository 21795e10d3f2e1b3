"""The picture on the card."""

from __future__ import annotations

import numpy as np
from PIL import Image as PILImage
from torch import Tensor

from hf_distill.data.base import Spec
from hf_distill.hub.formats import format_of


def render_preview(spec: Spec, stored: np.ndarray, y: Tensor) -> PILImage.Image | None:
    """Draw a set as its task does: samples of every class, or a series channel by channel.

    Args:
        spec: What the samples are.
        stored: The published values, as :attr:`hf_distill.hub.DistilledDataset.stored` holds them.
        y: Class indices ``(M,)``.

    Returns:
        An RGB picture; equal samples give equal pixels. None of a series where matplotlib is missing.

    Examples:
        >>> from hf_distill import Coreset, RealData, render_preview
        >>> distilled = Coreset(per_class=1).distill(RealData())
        >>> render_preview(distilled.spec, distilled.stored, distilled.y).mode
        'RGB'
    """
    return format_of(spec.task).preview(spec, stored, y)
