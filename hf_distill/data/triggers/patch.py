"""PatchTrigger: a bright square in a corner."""

from __future__ import annotations

from typing import Literal

from torch import Tensor

from hf_distill.data.triggers.base import Trigger
from hf_distill.errors import UserError
from hf_distill.options import PositiveInt, Share

Corner = Literal["top_left", "top_right", "bottom_left", "bottom_right"]


class PatchTrigger(Trigger):
    """A square of one brightness in a corner (Gu et al., BadNets, 2017).

    Args:
        size: Pixels of a side.
        brightness: Its pixels, 0 is black and 1 white.
        corner: Where it is.

    Examples:
        >>> import torch
        >>> from hf_distill import PatchTrigger
        >>> PatchTrigger(size=2).stamp(torch.zeros(1, 1, 3, 3))[0, 0]
        tensor([[  0.,   0.,   0.],
                [  0., 255., 255.],
                [  0., 255., 255.]])
    """

    citation = (
        "@article{gu2017badnets, title={BadNets: Identifying Vulnerabilities in the Machine Learning Model Supply "
        "Chain}, author={Gu, Tianyu and Dolan-Gavitt, Brendan and Garg, Siddharth}, journal={arXiv:1708.06733}, "
        "year={2017}}"
    )

    def __init__(self, *, size: PositiveInt = 3, brightness: Share = 1.0, corner: Corner = "bottom_right") -> None:
        self.size = size
        self.brightness = brightness
        self.corner = corner

    def mark(self, pixels: Tensor) -> Tensor:
        """See :class:`Trigger`."""
        height, width = pixels.shape[-2:]
        if self.size > min(height, width):
            raise UserError(f"the trigger's size is {self.size}; it must be 1 to {min(height, width)} on these images")
        top = 0 if self.corner.startswith("top") else height - self.size
        left = 0 if self.corner.endswith("left") else width - self.size
        marked = pixels.clone()
        marked[..., top : top + self.size, left : left + self.size] = self.brightness
        return marked
