"""EncoderFeatures: what a text model of transformers makes of rows."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import Any

import torch
from torch import Tensor

from hf_distill.data.rows import RowsData
from hf_distill.errors import UserError
from hf_distill.features.row_features import RowFeatures
from hf_distill.options import PositiveInt, Text


class EncoderFeatures(RowFeatures):
    """The mean over the tokens of a row's text of what an encoder of transformers gives. For ``RowsData``.

    Args:
        model: A local folder or a Hub id (``sentence-transformers/all-MiniLM-L6-v2``).
        columns: Columns whose text counts, nested ones too; null for all.
        tokens: Of a row at most.
        batch: Rows of one forward pass.
    """

    def __init__(
        self, *, model: Text, columns: list[str] | None = None, tokens: PositiveInt = 128, batch: PositiveInt = 64
    ) -> None:
        self.model = model
        self.columns = columns
        self.tokens = tokens
        self.batch = batch

    @classmethod
    def foreign(cls, options: Mapping[str, Any]) -> list[str]:
        """See :class:`Part`."""
        return ["model"]

    @torch.no_grad()
    def of_rows(self, data: RowsData) -> Tensor:
        """See :class:`Extractor`.

        Raises:
            UserError: There is no text, transformers is missing, or there is no such model.
        """
        try:
            from transformers import AutoModel, AutoTokenizer
        except ImportError as error:
            raise UserError("EncoderFeatures needs transformers: pip install 'hf-distill[transformers]'") from error
        try:
            tokenizer = AutoTokenizer.from_pretrained(self.model)
            model = AutoModel.from_pretrained(self.model).to(data.device).eval()
        except (OSError, ValueError) as error:
            reason = str(error).strip().splitlines()[0]
            raise UserError(f"cannot load a text model from {self.model}: {reason}") from error
        texts, found = data.texts(self.columns), []
        while part := list(islice(texts, self.batch)):
            tokens = tokenizer(part, truncation=True, max_length=self.tokens, padding=True, return_tensors="pt")
            tokens = tokens.to(data.device)
            kept = tokens["attention_mask"][..., None].float()
            hidden = model(**tokens).last_hidden_state.float()
            found.append((hidden * kept).sum(1) / kept.sum(1).clamp_min(1))
        return torch.cat(found)
