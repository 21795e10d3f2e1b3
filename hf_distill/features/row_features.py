"""RowFeatures: a space of whole rows, whatever their columns."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import ClassVar

import torch
from torch import Tensor

from hf_distill.data.real import RealData
from hf_distill.data.rows import RowsData
from hf_distill.data.spec import DataSpec
from hf_distill.errors import UserError
from hf_distill.features.base import Extractor, Features
from hf_distill.networks.base import Architecture


class RowFeatures(Extractor):
    """Looks at columns that samples do not hold: for ``RowsData`` alone."""

    needs_samples: ClassVar[bool] = False

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
        """See :class:`Extractor`.

        Raises:
            UserError: There is nothing to look at.
        """
