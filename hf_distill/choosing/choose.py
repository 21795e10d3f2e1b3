"""From data and a size to a choice, by measured tables: docs/selection.md has them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from hf_distill.choosing.choice import Choice
from hf_distill.choosing.classes import for_classes
from hf_distill.choosing.series import for_series
from hf_distill.choosing.size import Size
from hf_distill.choosing.sounds import for_sounds
from hf_distill.data.base import Data

#: How data of a kind are chosen for; all others have classes, or values.
_CHOICES: dict[str, Callable[[Any, Size, torch.device], Choice]] = {"series": for_series, "audio": for_sounds}


def choose(data: Data, size: Size, device: torch.device) -> Choice:
    """Choose for data that are set up.

    Args:
        data: The data.
        size: How small the set is to be; an empty one leaves that open.
        device: Where it will be made and measured.

    Raises:
        UserError: The size is more than there is, or less than a sample of each class or a window.
    """
    return _CHOICES.get(data.spec.kind, for_classes)(data, size, device)
