"""Decoder: how rows of a source become tensors."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from typing_extensions import Self

from hf_distill.errors import UserError

if TYPE_CHECKING:
    from datasets import Dataset

# Numbers that are decoded or normalised at once: 8 MiB of float32, whatever a row holds.
_CHUNK_VALUES = 2**21

Rows = Mapping[str, Any]
"""Columns of a few rows: lists, or columns of Arrow."""


class Decoder(ABC):
    """Turns rows of a source into tensors; immutable.

    A source is seen through one decoder. The first row tells what it must be, and further rows may tell that another
    one is needed: a colour image among grey ones. Then a method here returns that other one, or :class:`OtherDecoder`
    is raised.

    Attributes:
        columns: The columns that are read.
    """

    columns: tuple[str, ...]

    @property
    @abstractmethod
    def shape(self) -> tuple[int, ...]:
        """The shape of one input."""

    @property
    @abstractmethod
    def dtype(self) -> torch.dtype:
        """The type of the result."""

    @abstractmethod
    def __call__(self, batch: Rows, rows: Sequence[int]) -> Tensor:
        """Decode rows into ``(B, *shape)``; their numbers ``rows`` are named in errors.

        Raises:
            OtherDecoder: A row needs another decoder.
            UserError: A row cannot be read or does not fit the others.
        """

    @property
    def part_rows(self) -> int:
        """How many samples are decoded and summed at once for statistics, which may be part of their result."""
        return chunk_rows(self.shape)

    @property
    def scans(self) -> bool:
        """Whether rows must be seen by :meth:`scanned` before any is decoded, which takes a pass of its own."""
        return False

    def scanned(self, parts: Iterable[tuple[Rows, Sequence[int]]]) -> Self:
        """Return the decoder that rows need, seen part by part, each with the rows' numbers."""
        return self

    def surveyed(self, table: Dataset) -> Self:
        """Return the decoder that the rows of a table need, from a look at a sample of them."""
        return self

    def checked(self, table: Dataset) -> Self:
        """Return the decoder that the rows of a table need which are not all decoded at once, from a look at each."""
        return self

    def fitting(self, batch: Rows, rows: Sequence[int]) -> Self:
        """Return the decoder that the first rows of a stream need."""
        return self

    def check(self, batch: Rows, rows: Sequence[int]) -> None:  # noqa: B027
        """Look at rows of a stream that are not decoded.

        Raises:
            OtherDecoder: A row needs another decoder.
            UserError: A row does not fit the others.
        """


class OtherDecoder(UserError):
    """A row that another decoder can read; where it is too late for that, an error.

    Args:
        message: What is wrong with the row.
        decoder: The other decoder.
    """

    def __init__(self, message: str, decoder: Decoder) -> None:
        super().__init__(message)
        self.decoder = decoder


def chunk_rows(shape: tuple[int, ...]) -> int:
    """Return how many samples of some shape are handled at once."""
    return max(1, _CHUNK_VALUES // max(1, torch.Size(shape).numel()))
