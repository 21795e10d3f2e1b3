"""BlendedTrigger: faint noise over the whole image."""

from __future__ import annotations

import torch
from torch import Tensor

from hf_distill.data.triggers.base import Trigger
from hf_distill.options import Seed, Share
from hf_distill.seeding import Streams


class BlendedTrigger(Trigger):
    """A mixture of the image with one image of noise (Chen et al., Targeted Backdoor Attacks, 2017).

    Args:
        strength: The share of the noise; paper: 0.2.
        seed: Of the noise.

    Examples:
        >>> import torch
        >>> from hf_distill import BlendedTrigger
        >>> marked = BlendedTrigger(strength=0.2).stamp(torch.full((1, 1, 8, 8), 255.0))
        >>> marked.min() >= 0.8 * 255
        tensor(True)
    """

    citation = (
        "@article{chen2017targeted, title={Targeted Backdoor Attacks on Deep Learning Systems Using Data Poisoning}, "
        "author={Chen, Xinyun and Liu, Chang and Li, Bo and Lu, Kimberly and Song, Dawn}, journal={arXiv:1712.05526}, "
        "year={2017}}"
    )

    def __init__(self, *, strength: Share = 0.2, seed: Seed = 0) -> None:
        self.strength = strength
        self.seed = seed

    def mark(self, pixels: Tensor) -> Tensor:
        """See :class:`Trigger`."""
        noise = torch.rand(pixels.shape[1:], generator=Streams(self.seed).generator("trigger"))
        return torch.lerp(pixels, noise.to(pixels), self.strength)
