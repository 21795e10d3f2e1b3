"""ColumnFeatures: a column of embeddings that the source has."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from hf_distill.data.rows import RowsData
from hf_distill.errors import UserError
from hf_distill.features.row_features import RowFeatures
from hf_distill.options import Text


class ColumnFeatures(RowFeatures):
    """Numbers that are there already, a column of lists of one length: embeddings. For ``RowsData``.

    Args:
        column: The column.
    """

    def __init__(self, *, column: Text) -> None:
        self.column = column

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
