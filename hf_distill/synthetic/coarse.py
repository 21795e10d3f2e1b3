"""CoarsePixelSet: images stored at a fraction of their size, enlarged when they are read."""

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
from hf_distill.synthetic.pixel import PixelSet


class CoarsePixelSet(PixelSet):
    """PixelSet with ``1 / factor^2`` of the values: linear interpolation along both axes makes the full size of them.

    What is saved goes into more samples. The interpolation is two fixed matrices and takes no bits.

    Source: one stored part enlarged for each sample, after the multi-formation of Kim et al., Dataset Condensation via
    Efficient Synthetic-Data Parameterization (IDC, ICML 2022), which joins several parts to one image.

    Args:
        per_class: Samples of each class.
        factor: How many pixels of a side one stored value stands for.
        clip: See :class:`PixelSet`.
        labels: See :class:`PixelSet`.
        weights: See :class:`PixelSet`.

    Examples:
        >>> from hf_distill import CoarsePixelSet, RealData, RealSamples, Undistilled
        >>> method = Undistilled(synthetic=CoarsePixelSet(per_class=2, factor=2), initial=RealSamples())
        >>> method.distill(RealData()).codes()["codes"].shape  # of images of 8 x 8
        torch.Size([20, 1, 4, 4])
    """

    rise: Tensor
    run: Tensor

    def __init__(
        self,
        *,
        per_class: PositiveInt = 10,
        factor: PositiveInt = 2,
        clip: bool = True,
        labels: Labels | None = None,
        weights: Weights | None = None,
    ) -> None:
        super().__init__(per_class=per_class, clip=clip, labels=labels, weights=weights)
        self.factor = factor

    def _side(self, pixels: int) -> int:
        return math.ceil(pixels / self.factor)

    def stored_shape(self, spec: DataSpec) -> tuple[int, ...]:
        """See :class:`PixelSet`.

        Raises:
            UserError: The data are no images.
        """
        if spec.kind != "image":
            raise UserError("CoarsePixelSet holds images; use VectorSet for vectors")
        channels, height, width = spec.shape
        return (channels, self._side(height), self._side(width))

    def initialize(self, x: Tensor, y: Tensor, spec: DataSpec, w: Tensor | None = None) -> None:
        """See :class:`Synthetic`; images of the full size are averaged down, stored ones are taken as they are."""
        _, *size = self.stored_shape(spec)
        small = (size[0], size[1])
        super().initialize(F.adaptive_avg_pool2d(x, small) if tuple(x.shape[2:]) != small else x, y, spec, w)
        self.register_buffer("rise", interpolation(spec.shape[1], small[0]).to(x))
        self.register_buffer("run", interpolation(spec.shape[2], small[1]).to(x))

    def decode(self, codes: dict[str, Tensor]) -> Batch:
        """See :class:`Synthetic`."""
        return self.labelled(self.rise @ codes["pixels"] @ self.run.T, codes)

    def reading(self) -> dict[str, Any]:
        """See :class:`Synthetic`."""
        return {"inputs": "enlarged", "enlarged": list(self.spec.shape)}


def interpolation(full: int, small: int) -> Tensor:
    """Return the matrix ``(full, small)`` of linear interpolation between the centres of stored pixels."""
    centre = ((torch.arange(full) + 0.5) * small / full - 0.5).clamp(0, small - 1)
    return (1 - (centre[:, None] - torch.arange(small)).abs()).clamp_min(0)
