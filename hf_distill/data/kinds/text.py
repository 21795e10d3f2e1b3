"""TextKind: texts as numbers of tokens ``(L,)``, published as texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import torch
from datasets import Value
from torch import Tensor

from hf_distill.data.columns import Columns, is_number
from hf_distill.data.counters import names_rows
from hf_distill.data.kinds.base import Kind
from hf_distill.data.kinds.text_decoder import LENGTH, VOCABULARY, TextDecoder
from hf_distill.data.kinds.tokenizer import Texts, texts_of
from hf_distill.data.statistics import Statistics
from hf_distill.errors import ArtifactError

if TYPE_CHECKING:
    from hf_distill.data.spec import DataSpec


class _Unchanged(Statistics):
    def add(self, part: Tensor) -> None:
        pass

    def result(self) -> tuple[list[float], list[float]]:
        return [0.0], [1.0]


class TextKind(Kind):
    """A column of text. Networks get numbers of tokens, or shares of each token ``(L, tokens)``; 0 is padding.

    The tokenizer is kept in the specification, as ``tokenizers`` describes it, so that a published set is read alike
    anywhere. What is stored is text: chosen ones are the source's, byte for byte, and learned tokens are written out.
    """

    name = "text"
    topic = "text"
    noun = "text"
    plural = "texts"
    values = "tokens"
    keeps_source = True
    has_means = False
    continuous = False
    options = ("text_length", "vocabulary", "tokenizer")

    def takes(self, feature: Any) -> bool:
        """See :class:`Kind`."""
        return isinstance(feature, Value) and feature.dtype in ("string", "large_string")

    def candidates(self, features: Mapping[str, Any], label: str, row: Mapping[str, Any]) -> list[str]:
        """See :class:`Kind`: none where there are numbers too, which are then the input."""
        others = [name for name in features if name != label]
        if any(is_number(features[name]) and not names_rows(name) for name in others):
            return []
        return [name for name in others if self.takes(features[name]) and not names_rows(name)]

    def decoder(
        self, columns: Columns, first: Mapping[str, Any], options: dict[str, Any], base: Path | None
    ) -> TextDecoder:
        """See :class:`Kind`."""
        return TextDecoder(
            columns.inputs[0],
            options["text_length"] or LENGTH,
            options["vocabulary"] or VOCABULARY,
            options["tokenizer"],
        )

    def statistics(self, decoder: TextDecoder) -> Statistics:  # type: ignore[override]
        """See :class:`Kind`: numbers of tokens are no quantities, and are left as they are."""
        return _Unchanged()

    def num_statistics(self, shape: Sequence[int]) -> int:
        """See :class:`Kind`: one for all."""
        return 1

    def published(self, columns: Columns, features: Mapping[str, Any], decoder: TextDecoder) -> dict[str, Any]:
        """See :class:`Kind`."""
        return {columns.input: columns.feature}

    def known(self, columns: Columns, decoder: TextDecoder) -> dict[str, Any]:
        """See :class:`Kind`."""
        tokens = texts_of(decoder.described).size
        return {"about": {"tokenizer": decoder.described, "tokens": tokens, "mean_bytes": decoder.mean_bytes}}

    def numbering(self, spec: DataSpec) -> dict[str, int]:
        """See :class:`Kind`: the tokens."""
        return self.texts(spec).vocabulary

    def value_dtype(self, spec: DataSpec) -> np.dtype:
        """See :class:`Kind`: texts themselves."""
        return np.dtype(object)

    def bits_per_value(self, spec: DataSpec) -> int:
        """See :class:`Kind`: of the number of a token."""
        return max(1, int(spec.about["tokens"] - 1).bit_length())

    def sample_bits(self, spec: DataSpec) -> int:
        """See :class:`Kind`: those of an average text of the training split, with its end."""
        return round(8 * (spec.about["mean_bytes"] + 1))

    def varies(self, spec: DataSpec) -> bool:
        """See :class:`Kind`."""
        return True

    def chosen(self, spec: DataSpec, rows: pa.Table) -> np.ndarray:
        """See :class:`Kind`: the texts, byte for byte."""
        return np.array(rows[spec.input_column].to_pylist(), dtype=object)

    def stored_bits(self, spec: DataSpec, stored: np.ndarray) -> int:
        """See :class:`Kind`: 8 a byte, and 8 for the end of each text."""
        return sum(8 * (len(text.encode()) + 1) for text in stored)

    def statistics_shape(self, spec: DataSpec) -> tuple[int, ...]:
        """See :class:`Kind`: one for all."""
        return (1,)

    def normalize(self, spec: DataSpec, raw: Tensor) -> Tensor:
        """See :class:`Kind`."""
        return raw.float()

    def denormalize(self, spec: DataSpec, x: Tensor) -> Tensor:
        """See :class:`Kind`: of shares of tokens, the largest."""
        return (x.argmax(-1) if x.dim() == 3 else x.detach()).float().round()

    def stored_shape(self, spec: DataSpec) -> tuple[int, ...]:
        """See :class:`Kind`: a text."""
        return ()

    def store(self, spec: DataSpec, x: Tensor) -> np.ndarray:
        """See :class:`Kind`: write the tokens out."""
        return np.array(self.texts(spec).decode(self.denormalize(spec, x).long().cpu().numpy()), dtype=object)

    def load(self, spec: DataSpec, stored: np.ndarray) -> Tensor:
        """See :class:`Kind`."""
        return torch.from_numpy(self.texts(spec).encode(list(stored), spec.shape[0])).float()

    def flat(self, spec: DataSpec, x: Tensor) -> Tensor:
        """See :class:`Kind`: the share of each token in the text, ``(B, tokens)``."""
        ids = self.denormalize(spec, x).long()
        counts = torch.zeros(len(ids), int(spec.about["tokens"]), device=x.device)
        counts.scatter_add_(1, ids, torch.ones_like(ids, dtype=counts.dtype))
        counts[:, 0] = 0
        return counts / counts.sum(1, keepdim=True).clamp_min(1)

    @staticmethod
    def texts(spec: DataSpec) -> Texts:
        """Return the tokenizer of a specification."""
        return texts_of(spec.about["tokenizer"])

    def write(self, spec: DataSpec, stored: np.ndarray) -> dict[str, list[Any]]:
        """See :class:`Kind`."""
        return {spec.input_column: list(stored)}

    def read(self, spec: DataSpec, table: pa.Table) -> np.ndarray:
        """See :class:`Kind`."""
        values = table[spec.input_column].to_pylist()
        if not all(isinstance(value, str) for value in values):
            raise ArtifactError(f"column {spec.input_column!r} lacks a text: it is damaged")
        return np.array(values, dtype=object)
