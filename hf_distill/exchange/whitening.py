"""WhitenedSpec: a specification whose inputs are whitened images."""

from __future__ import annotations

from dataclasses import dataclass, field, fields

import torch
from torch import Tensor

from hf_distill.data.spec import DataSpec
from hf_distill.data.splits import Split
from hf_distill.errors import UserError
from hf_distill.exchange.scales import WHITENINGS, prepared, whitening_statistics


@dataclass(frozen=True)
class WhitenedSpec(DataSpec):
    """Inputs are whitened as a library does it; all else is as in a ``DataSpec``. It is never written.

    Attributes:
        whitening: A name in :data:`~hf_distill.exchange.scales.WHITENINGS`.
        mean_image: What is subtracted first ``(F,)``.
        matrix: What flat images are multiplied by ``(F, F)``.
    """

    whitening: str = ""
    mean_image: Tensor = field(default_factory=lambda: torch.empty(0), repr=False, compare=False)
    matrix: Tensor = field(default_factory=lambda: torch.empty(0), repr=False, compare=False)

    def normalize(self, raw: Tensor) -> Tensor:
        """See :class:`DataSpec`."""
        flat = prepared(raw, WHITENINGS[self.whitening], DataSpec.normalize(self, raw)).float()
        mean, matrix = (own.to(flat.device) for own in (self.mean_image, self.matrix))
        return ((flat - mean) @ matrix).reshape(raw.shape)


def whitened_spec(spec: DataSpec, whitening: str, train: Split) -> WhitenedSpec:
    """Return a specification by which inputs are whitened.

    Args:
        spec: The specification without it.
        whitening: A name in :data:`~hf_distill.exchange.scales.WHITENINGS`.
        train: The rows whose covariance counts.

    Raises:
        UserError: They are no images of 8 bits.
    """
    if spec.kind != "image" or spec.scale is not None:
        raise UserError(f"whitening {whitening} is of images of 8 bits: leave it out")
    mean, values, vectors = whitening_statistics(WHITENINGS[whitening], spec, train)
    matrix = (vectors / values.sqrt()) @ vectors.T
    known = {each.name: getattr(spec, each.name) for each in fields(DataSpec)}
    return WhitenedSpec(**known, whitening=whitening, mean_image=mean.float(), matrix=matrix.float())
