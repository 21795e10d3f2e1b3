"""RowFeatures: a space of whole rows, whatever their columns."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from hf_distill.data.real import RealData
from hf_distill.data.rows import RowsData
from hf_distill.data.spec import DataSpec
from hf_distill.errors import UserError
from hf_distill.features.base import Extractor, Features
from hf_distill.networks.base import Architecture
from hf_distill.ranks import ALONE, Ranks

_FITTED = 2**16


class RowFeatures(Extractor):
    """Looks at columns that samples do not hold: for ``RowsData`` alone."""

    def fit(
        self,
        real: RealData,
        *,
        spec: DataSpec | None = None,
        network: Architecture | None = None,
        device: torch.device | None = None,
    ) -> Features:
        """Refuse samples.

        Raises:
            UserError: Always.
        """
        raise UserError(f"{type(self).__name__} looks at whole rows: choose RowsData")

    @abstractmethod
    def fitted(self, some: RowsData) -> Callable[[RowsData], Tensor]:
        """Return what maps rows to their features ``(N, F)``, fitted to some of the rows where it is something to fit.

        Args:
            some: At most 65,536: evenly spaced ones of a table, or the first ones of a stream.

        Raises:
            UserError: There is nothing to look at.
        """

    def blocks(self, data: RowsData, size: int, ranks: Ranks = ALONE) -> Iterator[tuple[int, Tensor]]:
        """See :class:`Extractor`."""
        seen = self.fitted(data.some(_FITTED))
        for first, block in data.blocks(size, ranks):
            yield first, seen(block)
