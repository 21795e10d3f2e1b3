"""Decoding rows of several columns, each by a decoder of its own, into flat vectors."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import TypeVar

import torch
from datasets import Dataset
from torch import Tensor

from hf_distill.data.kinds.decoder import Decoder, OtherDecoder, Rows
from hf_distill.data.statistics import Statistics
from hf_distill.pieces import pieces

T = TypeVar("T")


@dataclass(frozen=True)
class MixedDecoder(Decoder):
    """Turns rows into vectors ``(B, D)``: what every part decodes to, flat, one after another.

    Attributes:
        parts: The decoders, each of one column or of columns of cells.
        kinds: The names of the kinds that they are of.
    """

    parts: tuple[Decoder, ...]
    kinds: tuple[str, ...]

    @property
    def columns(self) -> tuple[str, ...]:  # type: ignore[override]
        """The columns that are read."""
        return tuple(name for part in self.parts for name in part.columns)

    @property
    def shape(self) -> tuple[int]:
        """(D,)."""
        return (sum(torch.Size(part.shape).numel() for part in self.parts),)

    @property
    def dtype(self) -> torch.dtype:
        """The type of the result, which holds that of every part."""
        return torch.float64 if any(part.dtype == torch.float64 for part in self.parts) else torch.float32

    @property
    def scans(self) -> bool:
        """See :class:`Decoder`."""
        return any(part.scans for part in self.parts)

    def scanned(self, parts: Iterable[tuple[Rows, Sequence[int]]]) -> MixedDecoder:
        """See :class:`Decoder`; the columns that are scanned are held in memory for it."""
        names = [name for part in self.parts if part.scans for name in part.columns]
        held = [({name: batch[name] for name in names}, rows) for batch, rows in parts]
        return self._each(lambda part: part.scanned(held) if part.scans else part)

    def surveyed(self, table: Dataset) -> MixedDecoder:
        """See :class:`Decoder`."""
        return self._each(lambda part: part.surveyed(table))

    def checked(self, table: Dataset) -> MixedDecoder:
        """See :class:`Decoder`."""
        return self._each(lambda part: part.checked(table))

    def fitting(self, batch: Rows, rows: Sequence[int]) -> MixedDecoder:
        """See :class:`Decoder`."""
        return self._each(lambda part: part.fitting(batch, rows))

    def check(self, batch: Rows, rows: Sequence[int]) -> None:
        """See :class:`Decoder`."""
        self._asked(lambda part: part.check(batch, rows))

    def __call__(self, batch: Rows, rows: Sequence[int]) -> Tensor:
        """See :class:`Decoder`."""
        dtype = self.dtype
        return torch.cat([own.flatten(1).to(dtype) for own in self._asked(lambda part: part(batch, rows))], 1)

    def _each(self, made: Callable[[Decoder], Decoder]) -> MixedDecoder:
        return replace(self, parts=tuple(self._asked(made)))

    def _asked(self, ask: Callable[[Decoder], T]) -> list[T]:
        """Ask every part; where one needs another decoder, so does the whole."""
        found = []
        for place, part in enumerate(self.parts):
            try:
                found.append(ask(part))
            except OtherDecoder as other:
                parts = (*self.parts[:place], other.decoder, *self.parts[place + 1 :])
                raise OtherDecoder(str(other), replace(self, parts=parts)) from other
        return found


class SeveralStatistics(Statistics):
    """Those of every piece of flat rows, one after another."""

    def __init__(self, each: Sequence[Statistics], shapes: Sequence[tuple[int, ...]]) -> None:
        super().__init__()
        self._each, self._shapes = each, shapes

    def add(self, part: Tensor) -> None:
        """See :class:`Statistics`."""
        for own, piece in zip(self._each, pieces(part, self._shapes), strict=True):
            own.add(piece)

    def result(self) -> tuple[list[float], list[float]]:
        """See :class:`Statistics`."""
        means, deviations = zip(*(own.result() for own in self._each), strict=True)
        return list(chain(*means)), list(chain(*deviations))
