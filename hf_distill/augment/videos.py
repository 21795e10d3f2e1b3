"""FramesAugment: differentiable augmentation of videos, the same for all frames."""

from __future__ import annotations

from typing import Annotated, Literal

import torch
from torch import Tensor

from hf_distill.augment.base import Augment, AugmentParams
from hf_distill.augment.siamese import OPERATIONS, SiameseAugment
from hf_distill.errors import UserError
from hf_distill.options import Like, Range, Share

_NAMES = ("crop", "cutout", "flip", "scale", "rotate")
_ONE = f"({'|'.join(_NAMES)})"
_STRATEGY = Like(f"{_ONE}(_{_ONE})*", f"some of {', '.join(_NAMES)}, joined by _")


class FramesAugment(Augment):
    """Siamese augmentation of videos: the operations of :class:`SiameseAugment`, alike for all frames of a video.

    What moves goes on moving as it did. ``flip`` makes a movement to the left one to the right: leave it out where the
    two are different classes.

    Args:
        strategy: Operations to draw from, joined by ``_``: any of ``crop cutout flip scale rotate``.
        mode: ``S`` draws one operation per call, ``M`` applies all of them in the order of ``strategy``.
        crop: See :class:`SiameseAugment`.
        cutout: See :class:`SiameseAugment`.
        flip: See :class:`SiameseAugment`.
        scale: See :class:`SiameseAugment`.
        rotate: See :class:`SiameseAugment`.

    Examples:
        >>> import torch
        >>> from hf_distill import FramesAugment
        >>> augment, videos = FramesAugment(strategy="crop"), torch.rand(2, 4, 3, 8, 8)
        >>> augment.apply(videos, augment.sample(torch.Generator().manual_seed(0))).shape
        torch.Size([2, 4, 3, 8, 8])
    """

    kinds = ("frames",)
    noun = "videos"
    citation = SiameseAugment.citation

    def __init__(
        self,
        *,
        strategy: Annotated[str, _STRATEGY] = "crop_cutout_scale",
        mode: Literal["S", "M"] = "S",
        crop: Share = 0.125,
        cutout: Share = 0.5,
        flip: Share = 0.5,
        scale: Annotated[float, Range(1, 10)] = 1.2,
        rotate: Annotated[float, Range(0, 360)] = 15.0,
    ) -> None:
        self.strategy = strategy
        self.mode = mode
        self.crop = crop
        self.cutout = cutout
        self.flip = flip
        self.scale = scale
        self.rotate = rotate
        self._images = SiameseAugment(
            strategy=strategy, mode=mode, crop=crop, cutout=cutout, flip=flip, scale=scale, rotate=rotate
        )

    def sample(self, generator: torch.Generator, count: int | None = None) -> AugmentParams:
        """See :class:`Augment`."""
        return self._images.sample(generator, count)

    def apply(self, x: Tensor, params: AugmentParams) -> Tensor:
        """Augment videos ``(B, T, C, H, W)``, differentiably; see :class:`Augment`."""
        if x.dim() != 5:
            raise UserError(
                f"FramesAugment works on videos (batch, frames, channels, height, width), not on inputs of shape "
                f"{tuple(x.shape)}; choose SiameseAugment for images, or set augment to null"
            )
        joined = x.flatten(1, 2)  # the channels of an image are moved alike
        for name, draws in params.draws:
            joined = OPERATIONS[name](self._images, joined, draws.to(x.device, x.dtype))
        return joined.unflatten(1, x.shape[1:3])
