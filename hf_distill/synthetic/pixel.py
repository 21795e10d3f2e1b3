"""PixelSet and VectorSet: the stored variables are the samples themselves."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from hf_distill.data.batch import Batch
from hf_distill.data.spec import DataSpec
from hf_distill.errors import UserError
from hf_distill.options import PositiveInt
from hf_distill.synthetic.base import Bits, Packed, Synthetic, described


class PixelSet(Synthetic):
    """One free parameter per pixel, hard labels; samples are ordered by class.

    Args:
        per_class: Samples of each class (IPC).
        clip: Keep the pixels in the range that an 8-bit image can hold after every step. Published images are clipped
            in any case; clipping early lets the other pixels make up for it.
    """

    labels: Tensor

    def __init__(self, *, per_class: PositiveInt = 10, clip: bool = True) -> None:
        super().__init__()
        self.per_class = per_class
        self.clip = clip

    @property
    def size(self) -> int:
        """Samples of each class."""
        return self.per_class

    def resize(self, size: int) -> None:
        """See :class:`Synthetic`."""
        self.per_class = size

    def shapes(self, spec: DataSpec, size: int) -> dict[str, tuple[int, ...]]:
        """See :class:`Synthetic`."""
        return {"pixels": (spec.num_classes * size, *spec.shape)}

    def initialize(self, x: Tensor, y: Tensor, spec: DataSpec) -> None:
        """See :class:`Synthetic`."""
        self._spec = spec
        self.pixels = nn.Parameter(x.detach().clone().float())
        self.register_buffer("labels", y.detach().clone())
        self.project()

    def thin(self, size: int) -> Tensor:
        """See :class:`Synthetic`; evenly over those of a class, one at least."""
        kept = []
        for label in self.labels.unique():
            own = (self.labels == label).nonzero()[:, 0]
            count = max(len(own) * size // self.per_class, 1)
            kept.append(own[torch.arange(count, device=own.device) * len(own) // count])
        index = torch.cat(kept).sort().values
        self.pixels = nn.Parameter(self.pixels.detach()[index])
        self.labels = self.labels[index]
        self.per_class = size
        return index

    def codes(self) -> dict[str, Tensor]:
        """Return ``{"pixels": (M, *shape)}``."""
        return {"pixels": self.pixels}

    def decode(self, codes: dict[str, Tensor]) -> Batch:
        """See :class:`Synthetic`."""
        return Batch.of(codes["pixels"], self.labels)

    @torch.no_grad()
    def project(self) -> None:
        """Clip to what an 8-bit image can hold."""
        limits = self.spec.limits(self.pixels) if self.clip else None
        if limits is not None:
            torch.maximum(torch.minimum(self.pixels, limits[1]), limits[0], out=self.pixels)

    def pack(self) -> Packed:
        """Return the float32 pixels, one row a sample."""
        values = self.pixels.detach().cpu().numpy().astype("<f4")
        return Packed(
            columns={"codes": [row.tobytes() for row in values], "label": self.labels.tolist()},
            meta={
                "kind": type(self).__name__,
                **described(self),
                "dtype": "<f4",
                "shape": list(self.pixels.shape[1:]),
                "normalized": True,
            },
        )

    def reading(self) -> dict[str, Any]:
        """See :class:`Synthetic`."""
        return {"inputs": "as stored"}

    def bits(self) -> Bits:
        """Return 32 bits a value and ``ceil(log2(classes))`` a label."""
        return Bits(data=self.pixels.numel() * 32, labels=len(self.labels) * self.spec.bits_per_label)


class VectorSet(PixelSet):
    """PixelSet's twin for vectors: one free parameter per element, hard labels.

    Args:
        per_class: Samples of each class.
    """

    def __init__(self, *, per_class: PositiveInt = 10) -> None:
        super().__init__(per_class=per_class, clip=False)

    def initialize(self, x: Tensor, y: Tensor, spec: DataSpec) -> None:
        """See :class:`Synthetic`."""
        if spec.is_image:
            raise UserError("VectorSet holds vectors; use PixelSet for images")
        super().initialize(x, y, spec)
