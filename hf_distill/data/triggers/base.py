"""Trigger: a mark that is put on images."""

from __future__ import annotations

from abc import abstractmethod

import torch
from torch import Tensor

from hf_distill.parts import Part


class Trigger(Part):
    """A mark that is put on images, the same on every one: what a backdoor answers to.

    Examples:
        >>> import torch
        >>> from hf_distill import BlendedTrigger
        >>> BlendedTrigger(strength=0.1).stamp(torch.zeros(2, 3, 32, 32)).max() < 25.5
        tensor(True)
    """

    def stamp(self, images: Tensor) -> Tensor:
        """Return marked images.

        Args:
            images: Values of 0 to 255, ``(B, C, H, W)``; those of 8 bits are rounded.
        """
        marked = 255 * self.mark(images.float() / 255).clamp(0, 1)
        return (marked if images.is_floating_point() else marked.round()).to(images.dtype)

    @abstractmethod
    def mark(self, pixels: Tensor) -> Tensor:
        """Return marked pixels ``(B, C, H, W)``; those of images are in [0, 1], and results are clipped to it."""

    def check(self, shape: tuple[int, ...]) -> None:
        """Refuse images ``(C, H, W)`` that it does not fit on.

        Raises:
            UserError: The message says why.
        """
        self.mark(torch.zeros(1, *shape))
