"""ColumnFeatures: a column of embeddings that the source has."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from hf_distill.data.narrow import narrowed
from hf_distill.data.rows import RowsData
from hf_distill.errors import UserError
from hf_distill.features.row_features import RowFeatures
from hf_distill.options import Text


class ColumnFeatures(RowFeatures):
    """Numbers that are there already, a column of lists of one length: embeddings. For ``RowsData``.

    Args:
        column: The column.

    Examples:
        >>> from datasets import Dataset
        >>> from hf_distill import ColumnFeatures, RowsData
        >>> rows = RowsData.from_dataset(Dataset.from_dict({"embedding": [[0.0, 1.0], [1.0, 0.0]]})).setup()
        >>> ColumnFeatures(column="embedding").of_rows(rows)
        tensor([[0., 1.],
                [1., 0.]])
    """

    def __init__(self, *, column: Text) -> None:
        self.column = column

    def fitted(self, some: RowsData) -> Callable[[RowsData], Tensor]:
        """See :class:`Extractor`.

        Raises:
            UserError: There is no such column.
        """
        if self.column not in some.table.features:
            raise UserError(f"there is no column {self.column!r}; it has {', '.join(some.table.features)}")
        width: list[int] = []

        def seen(rows: RowsData) -> Tensor:
            values = narrowed(rows.table, [self.column]).with_format("arrow")[:][self.column]
            try:
                found = np.stack(values.to_numpy()).astype("f4").reshape(len(rows), -1)
            except (ValueError, TypeError) as error:
                raise UserError(f"column {self.column!r} holds no lists of numbers of one length") from error
            width.append(found.shape[1])
            if width[-1] != width[0]:
                raise UserError(f"column {self.column!r} holds lists of several lengths")
            return torch.from_numpy(found).to(rows.device)

        return seen
