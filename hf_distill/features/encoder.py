"""EncoderFeatures: what a text model of transformers makes of rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import islice
from typing import Any

import torch
from torch import Tensor

from hf_distill.data.rows import RowsData
from hf_distill.features.models import loading, weights_of
from hf_distill.features.row_features import RowFeatures
from hf_distill.options import PositiveInt, Text


class EncoderFeatures(RowFeatures):
    """The mean over the tokens of a row's text of what an encoder of transformers gives. For ``RowsData``.

    Args:
        model: A local folder or a Hub id (``sentence-transformers/all-MiniLM-L6-v2``).
        columns: Columns whose text counts, nested ones too; null for all.
        tokens: Of a row at most.
        batch: Rows of one forward pass.
        cache: Keep what it gives below datasets' cache folder, for the next time.

    Examples:
        In YAML:

            method:
              class_path: Coreset
              init_args:
                size: 1000
                selector: KMeansSelector
                features: {class_path: EncoderFeatures, init_args: {model: sentence-transformers/all-MiniLM-L6-v2}}
    """

    def __init__(
        self,
        *,
        model: Text,
        columns: list[str] | None = None,
        tokens: PositiveInt = 128,
        batch: PositiveInt = 64,
        cache: bool = True,
    ) -> None:
        self.model = model
        self.columns = columns
        self.tokens = tokens
        self.batch = batch
        self.cache = cache

    @classmethod
    def foreign(cls, options: Mapping[str, Any]) -> list[str]:
        """See :class:`Part`."""
        return ["model"]

    def weights(self) -> Any:
        """See :class:`Extractor`.

        Raises:
            UserError: transformers is missing, or there is no such model.
        """
        with loading(type(self).__name__, "text", self.model):
            return weights_of(self.model)

    def fitted(self, some: RowsData) -> Callable[[RowsData], Tensor]:
        """See :class:`Extractor`.

        Raises:
            UserError: There is no text, transformers is missing, or there is no such model.
        """
        some.text_columns(self.columns)
        with loading(type(self).__name__, "text", self.model):
            from transformers import AutoModel, AutoTokenizer

            tokenizer = AutoTokenizer.from_pretrained(self.model)
            model = AutoModel.from_pretrained(self.model).to(some.device).eval()

        @torch.no_grad()
        def seen(rows: RowsData) -> Tensor:
            texts, found = rows.texts(self.columns), []
            while part := list(islice(texts, self.batch)):
                tokens = tokenizer(part, truncation=True, max_length=self.tokens, padding=True, return_tensors="pt")
                tokens = tokens.to(rows.device)
                kept = tokens["attention_mask"][..., None].float()
                hidden = model(**tokens).last_hidden_state.float()
                found.append((hidden * kept).sum(1) / kept.sum(1).clamp_min(1))
            return torch.cat(found)

        return seen
