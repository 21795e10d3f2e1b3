"""RowsSet: whole rows of a source, as they are."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor

from hf_distill.data.batch import Batch
from hf_distill.data.rows_spec import RowsSpec
from hf_distill.errors import UserError
from hf_distill.labels.fixed_weights import FixedWeights
from hf_distill.labels.weights import Weights
from hf_distill.options import PositiveInt
from hf_distill.synthetic.base import Bits, Packed, Synthetic


class RowsSet(Synthetic[RowsSpec]):
    """Chosen rows with their weights: what a ``Coreset`` of whole rows gives. Nothing of it is learned.

    Its codes are the numbers of the rows in the source and the weights, from which anyone who has the source makes the
    set again.

    Args:
        count: Rows.

    Examples:
        >>> from datasets import Dataset
        >>> from hf_distill import Coreset, RowsData
        >>> rows = RowsData.from_dataset(Dataset.from_dict({"text": ["a", "b", "c"]}))
        >>> len(Coreset(size=2).distill(rows).codes()["row"])  # a coreset of whole rows fills a RowsSet
        2
    """

    w: Tensor
    numbers: Tensor

    def __init__(self, *, count: PositiveInt = 1000) -> None:
        super().__init__()
        self.count = count
        self._weights: FixedWeights | None = None
        self._rows: np.ndarray | None = None

    @property
    def size(self) -> int:
        """Rows."""
        return self.count

    @property
    def weight_part(self) -> Weights | None:
        """See :class:`Synthetic`; None where all rows count alike."""
        return self._weights

    def initialize(self, x: Tensor, y: Tensor, spec: RowsSpec, w: Tensor | None = None) -> None:
        """See :class:`Synthetic`; ``x`` is ``(M, 0)``, and ``y`` are the numbers of the rows ``(M,)``.

        Raises:
            UserError: The data are no whole rows.
        """
        if spec.kind != "rows":
            raise UserError("RowsSet holds whole rows: choose RowsData, or another set")
        self._spec = spec
        self.register_buffer("numbers", y.detach().cpu().clone())
        if w is not None and not torch.allclose(w, w.mean()):
            self._weights = FixedWeights()
            self._weights.initialize(w)

    def keep_rows(self, table: pa.Table) -> None:
        """Keep what the source holds of the rows."""
        self._rows = one_by_one(table)

    def stored(self, x: Tensor) -> np.ndarray | None:
        """See :class:`Synthetic`: a table of one row for each."""
        return self._rows

    def codes(self) -> dict[str, Tensor]:
        """Return the weights, where there are any."""
        return {} if self._weights is None else self._weights.codes()

    def decode(self, codes: dict[str, Tensor]) -> Batch:
        """See :class:`Synthetic`; rows have no inputs, ``x`` is ``(M, 0)``."""
        w = None if self._weights is None else self._weights.decode(codes)
        return Batch.of(torch.zeros(len(self.numbers), 0), self.numbers, w)

    def pack(self) -> Packed:
        """Return the numbers of the rows and the weights, one row a row."""
        columns: dict[str, list[object]] = {"row": self.numbers.tolist()}
        meta: dict[str, object] = {"kind": type(self).__name__, "inputs": None, "columns": {}}
        if self._weights is not None:
            values = self._weights.values().cpu().numpy().astype("<f4")
            columns["weights"] = [value.tobytes() for value in values]
            meta |= {"weights": True, "columns": {"weights": {"dtype": "<f4", "shape": []}}}
        return Packed(columns, meta)

    def bits(self) -> Bits:
        """Return as many bits a row as its number takes, and 32 a weight."""
        each = max(1, (max(self.spec.num_rows, 2) - 1).bit_length())
        return Bits(
            data=each * len(self.numbers), labels=0, side=0 if self._weights is None else 32 * len(self.numbers)
        )


def one_by_one(table: pa.Table) -> np.ndarray:
    """Return the rows of a table as tables of one row, ``(M,)``."""
    rows = np.empty(len(table), dtype=object)
    for place in range(len(table)):
        rows[place] = table.slice(place, 1)
    return rows
