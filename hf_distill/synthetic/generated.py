"""GeneratedSet: images that a generator made, with what made each of them."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from hf_distill.data.spec import DataSpec
from hf_distill.labels.base import Labels
from hf_distill.labels.weights import Weights
from hf_distill.options import PositiveInt
from hf_distill.synthetic.base import Bits, Packed
from hf_distill.synthetic.pixel import PixelSet


class GeneratedSet(PixelSet):
    """8-bit images with labels and columns on the making of each, ordered by class.

    Args:
        per_class: Samples of each class.
        labels: See :class:`PixelSet`.
        weights: See :class:`PixelSet`.

    Attributes:
        about: What made each sample: columns of config ``codes``.

    Examples:
        >>> from hf_distill import GeneratedSet, RealData, RealSamples
        >>> from hf_distill.seeding import Streams
        >>> real, synthetic = RealData().setup(), GeneratedSet(per_class=1)
        >>> start = RealSamples().draw(real, 1, Streams(0))
        >>> synthetic.initialize(start.x, start.y, real.spec)
        >>> synthetic.bits().data, 10 * 64 * 8
        (5120, 5120)
    """

    def __init__(
        self, *, per_class: PositiveInt = 10, labels: Labels | None = None, weights: Weights | None = None
    ) -> None:
        super().__init__(per_class=per_class, labels=labels, weights=weights)
        self.about: dict[str, list[Any]] = {}
        self._common: dict[str, Any] = {}

    def initialize(self, x: Tensor, y: Tensor, spec: DataSpec, w: Tensor | None = None) -> None:
        """See :class:`Synthetic`."""
        super().initialize(x, y, spec, w)
        self.about, self._common = {}, {}

    def describe(self, columns: dict[str, list[Any]], common: dict[str, Any]) -> None:
        """Keep what made the samples: a column for what differs between them, JSON for what does not."""
        self.about, self._common = columns, common

    def pack(self) -> Packed:
        """Return the 8-bit pixels, one row a sample, with the columns of :meth:`describe`."""
        values = self.spec.denormalize(self.pixels).cpu().numpy()
        packed = self._packed(values, {"normalized": False, "generation": self._common})
        return Packed({**packed.columns, **self.about}, packed.meta)

    def bits(self) -> Bits:
        """Return 8 bits a value, and the labels and weights; a reader needs no more."""
        return self._bits(8)
