"""FrequencyTrigger: one wave over the whole image."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from hf_distill.data.triggers.base import Trigger
from hf_distill.errors import UserError
from hf_distill.options import NonNegativeInt, Share


class FrequencyTrigger(Trigger):
    """One more wave in every image: a larger coefficient of its cosine transform (Wang et al., FTrojan, ECCV 2022).

    Args:
        strength: Height of the wave, 1 is the range from black to white.
        row: Half-waves down the image; null for the most that it holds.
        column: Half-waves across it; likewise.

    Examples:
        >>> import torch
        >>> from hf_distill import FrequencyTrigger
        >>> FrequencyTrigger(strength=0.1, row=0, column=1).stamp(torch.full((1, 1, 1, 2), 100.0)).round()
        tensor([[[[118.,  82.]]]])
    """

    citation = (
        "@inproceedings{wang2022invisible, title={An Invisible Black-Box Backdoor Attack Through Frequency Domain}, "
        "author={Wang, Tong and Yao, Yuan and Xu, Feng and An, Shengwei and Tong, Hanghang and Wang, Ting}, "
        "booktitle={ECCV}, year={2022}}"
    )

    def __init__(
        self, *, strength: Share = 0.15, row: NonNegativeInt | None = None, column: NonNegativeInt | None = None
    ) -> None:
        self.strength = strength
        self.row = row
        self.column = column

    def mark(self, pixels: Tensor) -> Tensor:
        """See :class:`Trigger`."""
        height, width = pixels.shape[-2:]
        wave = torch.outer(_wave(self.row, height, "row"), _wave(self.column, width, "column"))
        return pixels + self.strength * wave.to(pixels)


def _wave(number: int | None, length: int, name: str) -> Tensor:
    """Return a cosine of the transform ``(length,)``."""
    if number is not None and number >= length:
        raise UserError(f"the trigger's {name} is {number}; it must be 0 to {length - 1} on these images")
    number = length - 1 if number is None else number
    return torch.cos(math.pi * number * (torch.arange(length) + 0.5) / length)
