"""SoftVectorSet: vectors with the probabilities of their likeliest classes."""

from __future__ import annotations

from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from hf_distill.data.batch import Batch
from hf_distill.data.spec import DataSpec
from hf_distill.errors import UserError
from hf_distill.options import PositiveInt
from hf_distill.synthetic.base import Bits, Packed
from hf_distill.synthetic.pixel import VectorSet


class SoftVectorSet(VectorSet):
    """VectorSet whose label is a distribution over few classes: their numbers are fixed, their shares are learned.

    With many classes nearly all of a teacher's probability lies on a few of them, so that the others need no bits. What
    is read are the shares, negative ones as zero, divided by their sum.

    Args:
        per_class: Samples of each class.
        top: Classes that a label names.
    """

    chosen: Tensor

    def __init__(self, *, per_class: PositiveInt = 10, top: PositiveInt = 3) -> None:
        super().__init__(per_class=per_class)
        self.top = top

    def label_slots(self, spec: DataSpec) -> int:
        """See :class:`Synthetic`."""
        if not 1 <= self.top <= spec.num_classes:
            raise UserError(f"synthetic.top is {self.top}; it must be 1 to {spec.num_classes}, the number of classes")
        return self.top

    def shapes(self, spec: DataSpec, size: int) -> dict[str, tuple[int, ...]]:
        """See :class:`Synthetic`."""
        return {**super().shapes(spec, size), "labels": (spec.num_classes * size, self.label_slots(spec))}

    def initialize(self, x: Tensor, y: Tensor, spec: DataSpec) -> None:
        """See :class:`Synthetic`; ``y`` may be probabilities ``(M, classes)``."""
        probabilities = F.one_hot(y, spec.num_classes).to(x) if y.ndim == 1 else y.to(x)
        shares, chosen = probabilities.topk(self.label_slots(spec), dim=1)
        super().initialize(x, chosen[:, 0], spec)
        self.shares = nn.Parameter(shares / shares.sum(1, keepdim=True))
        self.register_buffer("chosen", chosen)

    def thin(self, size: int) -> Tensor:
        """See :class:`PixelSet`."""
        index = super().thin(size)
        self.shares = nn.Parameter(self.shares.detach()[index])
        self.chosen = self.chosen[index]
        return index

    def codes(self) -> dict[str, Tensor]:
        """Return ``{"pixels": (M, D), "labels": (M, top)}``."""
        return {"pixels": self.pixels, "labels": self.shares}

    def chosen_classes(self) -> Tensor:
        """See :class:`Synthetic`."""
        return self.chosen

    def decode(self, codes: dict[str, Tensor]) -> Batch:
        """See :class:`Synthetic`; labels are probabilities ``(M, classes)``."""
        shares = codes["labels"].clamp_min(0)
        shares = shares / shares.sum(1, keepdim=True).clamp_min(1e-6)
        empty = shares.new_zeros(len(shares), self.spec.num_classes)
        return Batch.of(codes["pixels"], empty.scatter(1, self.chosen, shares))

    def pack(self) -> Packed:
        """Return float32 values and shares and the classes' numbers, one row a sample."""
        packed = super().pack()
        shares, chosen = self.shares.detach().cpu().numpy(), self.chosen.cpu().numpy()
        own = {
            "shares": [row.tobytes() for row in shares.astype("<f4")],
            "chosen": [row.tobytes() for row in chosen.astype("<i4")],
        }
        layouts = {"shares": {"dtype": "<f4", "shape": [self.top]}, "chosen": {"dtype": "<i4", "shape": [self.top]}}
        layouts["codes"] = {"dtype": packed.meta["dtype"], "shape": packed.meta["shape"]}
        labels = {"classes": self.spec.num_classes, "top": self.top}
        return Packed({**packed.columns, **own}, {**packed.meta, "columns": layouts, "labels": labels})

    def reading(self) -> dict[str, Any]:
        """See :class:`Synthetic`."""
        return {"inputs": "as stored"}

    def bits(self) -> Bits:
        """Return 32 bits a value and a share, and ``ceil(log2(classes))`` for each class that a label names."""
        labels = self.shares.numel() * (32 + self.spec.bits_per_label)
        return Bits(data=self.pixels.numel() * 32, labels=labels)
