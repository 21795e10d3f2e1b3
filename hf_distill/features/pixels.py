"""PixelFeatures: samples as they are."""

from __future__ import annotations

import torch

from hf_distill.data.real import RealData
from hf_distill.data.spec import DataSpec
from hf_distill.features.base import Extractor, Features
from hf_distill.networks.base import Architecture


class PixelFeatures(Extractor):
    """The values themselves, normalised and in a row; of a text, the shares of its tokens.

    Examples:
        >>> import torch
        >>> from hf_distill import PixelFeatures, RealData
        >>> real = RealData().setup()
        >>> PixelFeatures().fit(real).rows(real.train, torch.arange(5)).shape
        torch.Size([5, 64])
    """

    def __init__(self) -> None:
        pass

    def fit(
        self,
        real: RealData,
        *,
        spec: DataSpec | None = None,
        network: Architecture | None = None,
        device: torch.device | None = None,
    ) -> Features:
        """See :class:`Extractor`."""
        spec = spec or real.spec
        return Features(lambda x: spec.form.flat(spec, x), spec, device or real.train.device)
