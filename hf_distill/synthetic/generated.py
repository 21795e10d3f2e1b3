"""GeneratedSet: images that a generator made, with what made each of them."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from hf_distill.data.spec import DataSpec
from hf_distill.options import PositiveInt
from hf_distill.synthetic.base import Bits, Packed, described
from hf_distill.synthetic.pixel import PixelSet


class GeneratedSet(PixelSet):
    """8-bit images, hard labels, and columns on the making of each, ordered by class.

    Args:
        per_class: Samples of each class.

    Attributes:
        about: What made each sample: columns of config ``codes``.
    """

    def __init__(self, *, per_class: PositiveInt = 10) -> None:
        super().__init__(per_class=per_class)
        self.about: dict[str, list[Any]] = {}
        self._common: dict[str, Any] = {}

    def initialize(self, x: Tensor, y: Tensor, spec: DataSpec) -> None:
        """See :class:`Synthetic`."""
        super().initialize(x, y, spec)
        self.about, self._common = {}, {}

    def describe(self, columns: dict[str, list[Any]], common: dict[str, Any]) -> None:
        """Keep what made the samples: a column for what differs between them, JSON for what does not."""
        self.about, self._common = columns, common

    def pack(self) -> Packed:
        """Return the 8-bit pixels, one row a sample, with the columns of :meth:`describe`."""
        values = self.spec.denormalize(self.pixels).cpu().numpy()
        return Packed(
            columns={"codes": [row.tobytes() for row in values], "label": self.labels.tolist(), **self.about},
            meta={
                "kind": type(self).__name__,
                **described(self),
                "dtype": "|u1",
                "shape": list(self.spec.shape),
                "normalized": False,
                "generation": self._common,
            },
        )

    def bits(self) -> Bits:
        """Return 8 bits a value and ``ceil(log2(classes))`` a label; a reader needs no more."""
        return Bits(data=self.pixels.numel() * 8, labels=len(self.labels) * self.spec.bits_per_label)
