"""MotionSet: videos stored as one still image and a coarse video of what moves."""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from hf_distill.data.batch import Batch
from hf_distill.data.spec import DataSpec
from hf_distill.errors import UserError
from hf_distill.labels.base import Labels
from hf_distill.labels.weights import Weights
from hf_distill.options import PositiveInt
from hf_distill.synthetic.coarse import interpolation
from hf_distill.synthetic.pixel import PixelSet


class MotionSet(PixelSet):
    """Videos of a still image, which all frames share, and a small video that is enlarged and added to it.

    Frames of a video are alike, and what tells how something moves is seen at a fraction of their size and rate. What
    is saved goes into more samples. Both parts are enlarged by linear interpolation, also in time.

    Source: after Wang et al., Dancing with Still Images: Video Distillation via Static-Dynamic Disentanglement (CVPR
    2024), where a network joins an image and a video of one channel; here the two are added, and no network is needed
    to read a set.

    Args:
        per_class: Samples of each class.
        still: How many pixels of a side one stored value of the still image stands for; null stores none.
        moving: The same for the frames.
        every: How many frames one stored frame stands for.
        labels: See :class:`PixelSet`.
        weights: See :class:`PixelSet`.

    Examples:
        In YAML:

            method:
              class_path: OptimizedDistillation
              init_args:
                synthetic: {class_path: MotionSet, init_args: {per_class: 2, still: 16, moving: 4, every: 2}}
    """

    def __init__(
        self,
        *,
        per_class: PositiveInt = 10,
        still: PositiveInt | None = None,
        moving: PositiveInt = 4,
        every: PositiveInt = 1,
        labels: Labels | None = None,
        weights: Weights | None = None,
    ) -> None:
        super().__init__(per_class=per_class, clip=False, labels=labels, weights=weights)
        self.still = still
        self.moving = moving
        self.every = every

    def _sizes(self, spec: DataSpec) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Return the stored shapes of the moving part ``(T, C, H, W)`` and of the still one, whose ``T`` is 1 or 0.

        Raises:
            UserError: The data are no videos.
        """
        if spec.kind != "frames":
            raise UserError("MotionSet holds videos; use PixelSet for images and VectorSet for vectors")
        frames, channels, *sides = spec.shape
        small = tuple(math.ceil(side / self.moving) for side in sides)
        large = tuple(math.ceil(side / (self.still or 1)) for side in sides)
        return (math.ceil(frames / self.every), channels, *small), (int(self.still is not None), channels, *large)

    def stored_shape(self, spec: DataSpec) -> tuple[int, ...]:
        """See :class:`PixelSet`: the moving part and the still one, in a row."""
        return (sum(math.prod(size) for size in self._sizes(spec)),)

    def initialize(self, x: Tensor, y: Tensor, spec: DataSpec, w: Tensor | None = None) -> None:
        """See :class:`Synthetic`; videos are averaged down, stored values are taken as they are.

        The still image is what the moving part lacks on average of all frames.
        """
        moving, still = self._sizes(spec)
        if x.dim() > 2:
            coarse = _averaged(x, moving)
            parts = [coarse.flatten(1)]
            if still[0]:
                lacking = (x - enlarged(coarse, spec.shape)).mean(1, keepdim=True)
                parts.append(_averaged(lacking, still).flatten(1))
            x = torch.cat(parts, 1)
        super().initialize(x, y, spec, w)

    def decode(self, codes: dict[str, Tensor]) -> Batch:
        """See :class:`Synthetic`."""
        moving, still = self._sizes(self.spec)
        parts = codes["pixels"].split([math.prod(moving), math.prod(still)], 1)
        x = enlarged(parts[0].unflatten(1, moving), self.spec.shape)
        if still[0]:
            x = x + enlarged(parts[1].unflatten(1, still), (1, *self.spec.shape[1:]))
        return self.labelled(x, codes)

    def reading(self) -> dict[str, Any]:
        """See :class:`Synthetic`."""
        moving, still = self._sizes(self.spec)
        return {"inputs": "motion", "moving": list(moving), "still": list(still), "video": list(self.spec.shape)}


def enlarged(x: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Return videos ``(M, t, C, h, w)`` at a shape ``(T, C, H, W)``, linearly between the centres of what is stored."""
    time, rise, run = (interpolation(shape[axis], x.shape[axis + 1]).to(x) for axis in (0, 2, 3))
    return torch.einsum("Tt,mtchw->mTchw", time, rise @ x @ run.T)


def _averaged(x: Tensor, size: tuple[int, ...]) -> Tensor:
    """Return videos ``(M, T, C, H, W)`` averaged down to ``(M, t, C, h, w)``."""
    return F.adaptive_avg_pool3d(x.transpose(1, 2), (size[0], size[2], size[3])).transpose(1, 2)
