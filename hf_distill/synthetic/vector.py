"""VectorSet: the stored variables are vectors, or series."""

from __future__ import annotations

from torch import Tensor

from hf_distill.data.spec import DataSpec
from hf_distill.errors import UserError
from hf_distill.labels.base import Labels
from hf_distill.labels.weights import Weights
from hf_distill.options import PositiveInt
from hf_distill.synthetic.pixel import PixelSet

# Kinds whose inputs are vectors, or series of numbers.
_KINDS = ("vector", "columns", "signal")


class VectorSet(PixelSet):
    """PixelSet's twin for vectors and for series with a class each: one free parameter per element.

    Args:
        per_class: Samples of each class.
        labels: See :class:`PixelSet`.
        weights: See :class:`PixelSet`.

    Examples:
        >>> from hf_distill import RealData, RealSamples, Undistilled, VectorSet
        >>> real = RealData(path="diabetes", target="values")
        >>> distilled = Undistilled(synthetic=VectorSet(per_class=5), initial=RealSamples()).distill(real)
        >>> distilled.codes()["codes"].shape
        torch.Size([5, 10])
    """

    def __init__(
        self, *, per_class: PositiveInt = 10, labels: Labels | None = None, weights: Weights | None = None
    ) -> None:
        super().__init__(per_class=per_class, clip=False, labels=labels, weights=weights)

    def initialize(self, x: Tensor, y: Tensor, spec: DataSpec, w: Tensor | None = None) -> None:
        """See :class:`Synthetic`."""
        if spec.kind not in _KINDS:
            raise UserError(f"VectorSet holds vectors; use PixelSet for {spec.form.plural}")
        super().initialize(x, y, spec, w)
