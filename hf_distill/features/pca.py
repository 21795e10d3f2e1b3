"""PcaFeatures: the principal components of the training rows."""

from __future__ import annotations

import torch

from hf_distill.data.real import RealData
from hf_distill.data.spec import DataSpec
from hf_distill.features.base import Extractor, Features
from hf_distill.networks.base import Architecture
from hf_distill.options import PositiveInt
from hf_distill.seeding import seeded

# More than are asked for: the last ones of a randomised decomposition are inexact.
_SPARE, _ROUNDS = 10, 4


class PcaFeatures(Extractor):
    """The coordinates of a sample along the directions in which the training rows vary most.

    Distances are those of pixels without what is left out, and cost a fraction: noise and single pixels count less.
    The directions are found by a randomised decomposition (Halko, Martinsson and Tropp, SIAM Review 2011).

    Args:
        components: Directions; all where there are fewer values.
        whiten: Divide each coordinate by its standard deviation, so that all directions weigh alike.
        rows: Training rows that they are found from at most, an even choice.

    Examples:
        >>> import torch
        >>> from hf_distill import PcaFeatures, RealData
        >>> real = RealData().setup()
        >>> PcaFeatures(components=8, whiten=True).fit(real).rows(real.train, torch.arange(5)).shape
        torch.Size([5, 8])
    """

    def __init__(self, *, components: PositiveInt = 64, whiten: bool = False, rows: PositiveInt = 10_000) -> None:
        self.components = components
        self.whiten = whiten
        self.rows = rows

    def fit(
        self,
        real: RealData,
        *,
        spec: DataSpec | None = None,
        network: Architecture | None = None,
        device: torch.device | None = None,
    ) -> Features:
        """See :class:`Extractor`."""
        spec, device = spec or real.spec, device or real.train.device
        pixels = Features(lambda x: x.flatten(1), spec, device)
        index = torch.linspace(0, len(real.train) - 1, min(self.rows, len(real.train))).long()
        x = pixels.rows(real.train, index)
        mean = x.mean(0)
        count = min(self.components, *x.shape)
        with seeded(0):
            _, sizes, directions = torch.svd_lowrank(x - mean, min(count + _SPARE, *x.shape), niter=_ROUNDS)
        basis = directions[:, :count]
        if self.whiten:
            # A direction without any variation would be divided by nothing.
            deviation = sizes[:count] / max(1, len(x) - 1) ** 0.5
            basis = basis / deviation.clamp_min(1e-6 * float(deviation[0]) + 1e-12)
        share = float(sizes[:count].square().sum() / (x - mean).square().sum().clamp_min(1e-12))
        return Features(lambda x: (x.flatten(1) - mean) @ basis, spec, device, {"explained": round(share, 4)})
