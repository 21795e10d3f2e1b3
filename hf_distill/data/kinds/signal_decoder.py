"""Decoding rows of series into tensors, a row a channel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from torch import Tensor

from hf_distill.data.kinds.decoder import Rows
from hf_distill.data.kinds.vector_decoder import VectorDecoder
from hf_distill.errors import UserError


@dataclass(frozen=True)
class SignalDecoder(VectorDecoder):
    """Turns lists of numbers, or lists of lists, into series ``(B, C, T)`` of one length.

    Attributes:
        sizes: Of a list of lists, how many lists and how many numbers in each; ``(1, T)`` of a plain list.
        nested: Rows are lists of lists.
        steps_first: A list in a list is a time step of all channels, and not a channel.
    """

    sizes: tuple[int, int] = (1, 1)
    nested: bool = False
    steps_first: bool = False

    @property
    def shape(self) -> tuple[int, int]:
        """(C, T)."""
        return self.sizes[::-1] if self.steps_first else self.sizes

    def __call__(self, batch: Rows, rows: Sequence[int]) -> Tensor:
        """Stack rows into ``(B, C, T)``; ``rows`` are named in errors.

        Raises:
            UserError: A row has other channels or another length, or a number that is missing, not finite or absurd.
        """
        x = super().__call__(batch, rows).unflatten(1, self.sizes)
        return x.transpose(1, 2) if self.steps_first else x

    def _numbers(self, batch: Rows, rows: Sequence[int]) -> np.ndarray:
        if self.nested:
            self._check_sizes(batch[self.columns[0]], rows)
        return super()._numbers(batch, rows)

    def _check_sizes(self, values: Any, rows: Sequence[int]) -> None:
        for value, row in zip(values.to_pylist() if isinstance(values, _ARROW) else values, rows, strict=True):
            lengths = [len(part or ()) for part in value or ()]
            if lengths != [self.sizes[1]] * self.sizes[0]:
                found = sorted(set(lengths))
                raise UserError(
                    f"row {row} holds {len(lengths)} lists of {', '.join(map(str, found)) or 'no'} numbers, the first "
                    f"row {self.sizes[0]} of {self.sizes[1]} (column {self.columns[0]!r}): bring all to one length, or "
                    "filter the row out"
                )


_ARROW = (pa.Array, pa.ChunkedArray)
