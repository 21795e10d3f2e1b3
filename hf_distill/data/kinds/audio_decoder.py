"""Sounds of one length and sampling rate as tensors."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from datasets import Dataset
from torch import Tensor

from hf_distill.data.audio_files import SoundHeader, header, read_sound, resampled
from hf_distill.data.kinds.decoder import Decoder, Rows
from hf_distill.data.narrow import narrowed
from hf_distill.errors import UserError

# Sounds whose headers are looked at together.
_ROWS = 256
#: Seconds that are kept where nobody says how many; longer sounds are cut.
LONGEST = 10.0

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class AudioDecoder(Decoder):
    """Turns encoded sounds into int16 tensors ``(B, T)``: one channel, one rate, one length.

    Channels are averaged, other rates resampled, what is longer is cut and what is shorter ends in silence.

    Attributes:
        column: The column of the sounds.
        sampling_rate: In Hz; 0 until rows have told the most common one.
        length: ``T``; 0 until rows have told the longest.
        seconds: The length that the user asked for.
        base: The folder that relative paths of files start from.
    """

    column: str
    sampling_rate: int = 0
    length: int = 0
    seconds: float | None = None
    base: Path | None = None
    _noted: set[str] = field(default_factory=set, compare=False, repr=False)

    @property
    def columns(self) -> tuple[str, ...]:  # type: ignore[override]
        """The columns that are read."""
        return (self.column,)

    @property
    def shape(self) -> tuple[int]:
        """(T,)."""
        return (self.length,)

    @property
    def dtype(self) -> torch.dtype:
        """The type of the result."""
        return torch.int16

    @property
    def part_rows(self) -> int:
        """See :class:`Decoder`."""
        return _ROWS if not self.length else super().part_rows

    @property
    def scans(self) -> bool:
        """See :class:`Decoder`: rate and length are those of all rows."""
        return not (self.sampling_rate and self.length)

    def surveyed(self, table: Dataset) -> AudioDecoder:
        """See :class:`Decoder`: look at the headers of all sounds."""
        if not self.scans and "length" in self._noted:
            return self
        parts = narrowed(table, [self.column]).with_format("arrow").iter(_ROWS)
        return self.scanned((part, range(place * _ROWS, place * _ROWS + len(part))) for place, part in enumerate(parts))

    def scanned(self, parts: Iterable[tuple[Rows, Sequence[int]]]) -> AudioDecoder:
        """See :class:`Decoder`: take the most common rate and the longest length, and say what becomes of others."""
        found: Counter[SoundHeader] = Counter()
        for batch, rows in parts:
            found.update(header(value, row, self.base) for value, row in zip(self._values(batch), rows, strict=True))
        return self.fitted(found)

    def fitted(self, found: Counter[SoundHeader]) -> AudioDecoder:
        """Return the decoder of sounds with such headers, and say what becomes of those that do not fit."""
        rates: Counter[int] = Counter()
        for about, count in found.items():
            rates[about.sampling_rate] += count
        rate = self.sampling_rate or rates.most_common(1)[0][0]
        spans = {about: about.samples / about.sampling_rate for about in found}
        seconds = min(max(spans.values()), LONGEST) if self.seconds is None else self.seconds
        length = max(1, round(seconds * rate))
        longer = sum(count for about, count in found.items() if round(spans[about] * rate) > length)
        shorter = sum(count for about, count in found.items() if round(spans[about] * rate) < length)
        other = sum(count for value, count in rates.items() if value != rate)
        said = [f"{longer} longer ones are cut"] * bool(longer)
        said += [f"{shorter} shorter ones end in silence"] * bool(shorter)
        said += [f"{other} of other rates are resampled"] * bool(other)
        if said:
            logger.warning(
                "column %r: sounds of %.3g s at %d Hz (--data.audio_seconds, --data.sampling_rate): %s",
                self.column,
                length / rate,
                rate,
                ", ".join(said),
            )
        return replace(self, sampling_rate=rate, length=length, _noted={*self._noted, "length"})

    def __call__(self, batch: Rows, rows: Sequence[int]) -> Tensor:
        """See :class:`Decoder`."""
        out = np.zeros((len(rows), self.length), np.int16)
        for slot, (value, row) in enumerate(zip(self._values(batch), rows, strict=True)):
            samples = self._samples(value, row)[: self.length]
            out[slot, : len(samples)] = samples
        return torch.from_numpy(out)

    def _samples(self, value: Any, row: int) -> np.ndarray:
        samples, rate = read_sound(value, row, self.base)
        if not len(samples):
            raise UserError(f"row {row} holds a sound without a sample: filter such rows out first")
        numbers = np.rint(resampled(samples, rate, self.sampling_rate) * 2**15)
        least, most = numbers.min(), numbers.max()
        if (least < -(2**15) or most > 2**15) and "loud" not in self._noted:  # +1 itself is every loud file's
            self._noted.add("loud")
            logger.warning("column %r holds sounds beyond full scale (row %d): they are clipped", self.column, row)
        return numbers.clip(-(2**15), 2**15 - 1)

    def _values(self, batch: Rows) -> list[Any]:
        values = batch[self.column]
        return values.to_pylist() if isinstance(values, (pa.Array, pa.ChunkedArray)) else values
