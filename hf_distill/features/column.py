"""ColumnFeatures: a column of embeddings that the source has."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from hf_distill.data.real import RealData
from hf_distill.data.rows import RowsData
from hf_distill.data.spec import DataSpec
from hf_distill.errors import UserError
from hf_distill.features.base import Extractor, Features
from hf_distill.networks.base import Architecture
from hf_distill.options import Text


class ColumnFeatures(Extractor):
    """Numbers that are there already, a column of lists of one length: embeddings. For ``RowsData``.

    Args:
        column: The column.
    """

    def __init__(self, *, column: Text) -> None:
        self.column = column

    def fit(
        self,
        real: RealData,
        *,
        spec: DataSpec | None = None,
        network: Architecture | None = None,
        device: torch.device | None = None,
    ) -> Features:
        """See :class:`Extractor`: inputs hold no further column.

        Raises:
            UserError: Always.
        """
        raise UserError("ColumnFeatures looks at whole rows: choose RowsData")

    def of_rows(self, data: RowsData) -> Tensor:
        """See :class:`Extractor`.

        Raises:
            UserError: There is no such column, or it holds no lists of numbers of one length.
        """
        if self.column not in data.table.features:
            raise UserError(f"there is no column {self.column!r}; it has {', '.join(data.table.features)}")
        parts = []
        for rows in data.table.select_columns([self.column]).with_format("arrow").iter(10_000):
            try:
                parts.append(np.stack(rows[self.column].to_numpy()).astype("f4").reshape(len(rows), -1))
            except (ValueError, TypeError) as error:
                raise UserError(f"column {self.column!r} holds no lists of numbers of one length") from error
        try:
            return torch.from_numpy(np.concatenate(parts)).to(data.device)
        except ValueError as error:
            raise UserError(f"column {self.column!r} holds lists of several lengths") from error
