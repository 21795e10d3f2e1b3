"""Texts as numbers of tokens."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa
import torch
from torch import Tensor

from hf_distill.data.kinds.decoder import Decoder, Rows
from hf_distill.data.kinds.tokenizer import loaded, texts_of, trained
from hf_distill.errors import UserError

#: Tokens of a text, and of the vocabulary that is trained, where nobody says how many.
LENGTH, VOCABULARY = 64, 4096
# Texts that a tokenizer is trained on.
_MOST = 100_000

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class TextDecoder(Decoder):
    """Turns texts into numbers of tokens ``(B, L)``, float32, filled up with zeros; longer ones are cut.

    Attributes:
        column: The column of the texts.
        length: ``L``.
        vocabulary: Tokens of a tokenizer that is trained.
        tokenizer: Where one comes from instead; None trains one on the training split.
        described: The tokenizer, as ``tokenizers`` describes it; empty until rows have been seen.
        mean_bytes: Bytes of a text of the training split, on average.
    """

    column: str
    length: int = LENGTH
    vocabulary: int = VOCABULARY
    tokenizer: str | None = None
    described: str = ""
    mean_bytes: float = 0.0

    @property
    def columns(self) -> tuple[str, ...]:  # type: ignore[override]
        """The columns that are read."""
        return (self.column,)

    @property
    def shape(self) -> tuple[int]:
        """(L,)."""
        return (self.length,)

    @property
    def dtype(self) -> torch.dtype:
        """The type of the result, which holds whole numbers up to 16 million."""
        return torch.float32

    @property
    def scans(self) -> bool:
        """See :class:`Decoder`: the tokenizer is made from all rows."""
        return not self.described

    def scanned(self, parts: Iterable[tuple[Rows, Sequence[int]]]) -> TextDecoder:
        """See :class:`Decoder`: train the tokenizer, and say how many texts are cut."""
        texts: list[str] = []
        count = size = 0
        for batch, rows in parts:
            found = self._texts(batch, rows)
            count, size = count + len(found), size + sum(len(text.encode()) for text in found)
            texts += found[: _MOST - len(texts)]
        described = trained(texts, self.vocabulary) if self.tokenizer is None else loaded(self.tokenizer)
        some = texts[:: max(1, len(texts) // 1000)]
        cut = sum(1 for row in texts_of(described).encode(some, self.length + 1) if row[-1])
        if cut:
            logger.warning(
                "column %r: of %.1f %% of its texts networks see only the first %d tokens (--data.text_length)",
                self.column,
                100 * cut / len(some),
                self.length,
            )
        return replace(self, described=described, mean_bytes=round(size / max(count, 1), 3))

    def __call__(self, batch: Rows, rows: Sequence[int]) -> Tensor:
        """See :class:`Decoder`."""
        return torch.from_numpy(texts_of(self.described).encode(self._texts(batch, rows), self.length)).float()

    def _texts(self, batch: Rows, rows: Sequence[int]) -> list[str]:
        values: Any = batch[self.column]
        values = values.to_pylist() if isinstance(values, (pa.Array, pa.ChunkedArray)) else values
        for value, row in zip(values, rows, strict=True):
            if not isinstance(value, str):
                raise UserError(f"row {row} has no text in column {self.column!r}: filter such rows out first")
        return list(values)
