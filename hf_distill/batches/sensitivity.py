"""SensitivityProportional: rows are drawn by a selector's sensitivities."""

from __future__ import annotations

from typing import Annotated

import torch
from torch import Tensor

from hf_distill.batches.base import Batches
from hf_distill.data.real import RealData
from hf_distill.features.base import Extractor
from hf_distill.features.pixels import PixelFeatures
from hf_distill.options import Range
from hf_distill.seeding import Streams
from hf_distill.selection.base import Selector, fitted
from hf_distill.selection.kmeans_sensitivity import KMeansSensitivitySelector
from hf_distill.synthetic.base import Synthetic


class SensitivityProportional(Batches):
    """Draws a row with a probability proportional to a selector's sensitivity, which is found once, of all rows.

    With ``NormSelector`` and ``ErrorFeatures`` it is EL2N; with ``LeverageSelector`` the ridge leverage score.

    Args:
        selector: Whose ``sensitivities_``; null for a ``KMeansSensitivitySelector``.
        features: The space that it looks at; null for ``PixelFeatures``.
        uniform: See :class:`Batches`.

    Examples:
        In YAML:

            method:
              class_path: OptimizedDistillation
              init_args:
                batches:
                  class_path: SensitivityProportional
                  init_args: {selector: NormSelector, features: {class_path: ErrorFeatures, init_args: {networks: 1}}}
    """

    def __init__(
        self,
        *,
        selector: Selector | None = None,
        features: Extractor | None = None,
        uniform: Annotated[float, Range(0, 1, above=True)] = 0.2,
    ) -> None:
        self.selector = KMeansSensitivitySelector() if selector is None else selector
        self.features = PixelFeatures() if features is None else features
        self.uniform = uniform

    def scores(self, real: RealData, synthetic: Synthetic, streams: Streams) -> Tensor:
        """See :class:`Batches`."""
        seen = self.features.of_samples(real)(torch.arange(len(real.train)))
        return fitted(self.selector, seen, real.train.targets).sensitivities_
