"""CosineSet: series stored as the slowest of the cosines that they are made of."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from hf_distill.data.batch import Batch
from hf_distill.data.spec import DataSpec
from hf_distill.decode import cosines
from hf_distill.errors import UserError
from hf_distill.labels.base import Labels
from hf_distill.labels.weights import Weights
from hf_distill.options import PositiveInt
from hf_distill.synthetic.pixel import PixelSet


class CosineSet(PixelSet):
    """Series with a class each, of which the first numbers of every channel's discrete cosine transform are stored.

    What is saved goes into more series, and a change moves a whole series: ``HarmonicSet`` for many short series. Their
    ends do not meet, which cosines allow and a Fourier series does not. The transform (DCT-II, orthonormal) is a fixed
    matrix and takes no bits.

    Source: the stored spectrum of Hong et al., Harmonic Dataset Distillation for Time Series Forecasting (AAAI 2026).

    Args:
        per_class: Series of each class.
        harmonics: Numbers of each channel that are stored, those of the slowest cosines.
        labels: See :class:`PixelSet`.
        weights: See :class:`PixelSet`.

    Examples:
        In YAML:

            method:
              class_path: OptimizedDistillation
              init_args:
                synthetic: {class_path: CosineSet, init_args: {per_class: 5, harmonics: 8}}
    """

    basis: Tensor

    def __init__(
        self,
        *,
        per_class: PositiveInt = 10,
        harmonics: PositiveInt = 16,
        labels: Labels | None = None,
        weights: Weights | None = None,
    ) -> None:
        super().__init__(per_class=per_class, clip=False, labels=labels, weights=weights)
        self.harmonics = harmonics

    def stored_shape(self, spec: DataSpec) -> tuple[int, ...]:
        """See :class:`PixelSet`.

        Raises:
            UserError: The data are no series with a class each, or too short.
        """
        if spec.kind != "signal":
            raise UserError(
                f"CosineSet holds series with a class each, not {spec.form.plural}: set --data.time_axis where the "
                "numbers of a vector follow one another"
            )
        channels, steps = spec.shape
        if self.harmonics >= steps:
            raise UserError(
                f"synthetic.harmonics is {self.harmonics}; series of {steps} steps have 1 to {steps - 1} to be stored, "
                "and VectorSet stores all of them"
            )
        return (channels, self.harmonics)

    def initialize(self, x: Tensor, y: Tensor, spec: DataSpec, w: Tensor | None = None) -> None:
        """See :class:`Synthetic`; series are transformed, stored numbers are taken as they are."""
        stored = self.stored_shape(spec)
        self.register_buffer("basis", torch.from_numpy(cosines(spec.shape[1], self.harmonics)).to(x))
        super().initialize(x if tuple(x.shape[1:]) == stored else x @ self.basis, y, spec, w)

    def decode(self, codes: dict[str, Tensor]) -> Batch:
        """See :class:`Synthetic`."""
        return self.labelled(codes["pixels"] @ self.basis.T, codes)

    def reading(self) -> dict[str, Any]:
        """See :class:`Synthetic`."""
        return {"inputs": "cosines", "steps": self.spec.shape[1]}
