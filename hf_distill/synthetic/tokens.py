"""TokenSet: the stored variables are numbers of tokens."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from hf_distill.data.batch import Batch
from hf_distill.data.spec import DataSpec
from hf_distill.errors import UserError
from hf_distill.labels.base import Labels
from hf_distill.labels.weights import Weights
from hf_distill.options import PositiveFloat, PositiveInt
from hf_distill.quantization.packing import pack_codes
from hf_distill.synthetic.base import Bits, Packed
from hf_distill.synthetic.pixel import PixelSet


class TokenSet(PixelSet):
    """Texts as numbers of tokens, chosen or learned, with labels that may be learned too.

    Chosen texts are published as the source has them, byte for byte. Learned ones are written out from their tokens;
    every place holds a score for each token of the vocabulary, networks get the token with the greatest (one-hot, with
    the gradient of the softmax of the scores: straight-through), and its number is what is stored.

    Source of the estimator: Bengio, Leonard and Courville, Estimating or Propagating Gradients Through Stochastic
    Neurons (2013). For texts others match embeddings and look for texts near them; here what is learned is a text.

    Args:
        per_class: Samples of each class.
        length: Tokens of a learned text at most; null for as many as networks see.
        learned: Learn the tokens; else they stay those that the set starts from.
        start: How much greater the score of the first token of a place is than that of the others, which all are zero.
        temperature: Of the softmax whose gradient the scores get.
        labels: See :class:`PixelSet`.
        weights: See :class:`PixelSet`.

    Examples:
        >>> from datasets import Dataset
        >>> from hf_distill import RealData, RealSamples, TokenSet, Undistilled
        >>> texts = {"text": ["fine film", "fine book", "dull film", "dull book"], "label": ["+", "+", "-", "-"]}
        >>> real = RealData.from_dataset(Dataset.from_dict(texts))
        >>> distilled = Undistilled(synthetic=TokenSet(per_class=1), initial=RealSamples()).distill(real)
        >>> len(distilled), distilled[0]["label"]
        (2, '+')
    """

    ids: Tensor

    def __init__(
        self,
        *,
        per_class: PositiveInt = 10,
        length: PositiveInt | None = None,
        learned: bool = False,
        start: PositiveFloat = 4.0,
        temperature: PositiveFloat = 1.0,
        labels: Labels | None = None,
        weights: Weights | None = None,
    ) -> None:
        super().__init__(per_class=per_class, clip=False, labels=labels, weights=weights)
        self.length = length
        self.learned = learned
        self.start = start
        self.temperature = temperature

    def initialize(self, x: Tensor, y: Tensor, spec: DataSpec, w: Tensor | None = None) -> None:
        """See :class:`Synthetic`."""
        if spec.kind != "text":
            raise UserError(f"TokenSet holds texts, not {spec.form.plural}: leave the set out")
        if not torch.equal(x, x.round()):
            raise UserError("tokens have no mean: let the set start from RealSamples")
        self._spec = spec
        ids = x.detach().long() % int(spec.about["tokens"])
        if self.learned:
            ids = ids[:, : self.length or ids.shape[1]]
            self.scores = nn.Parameter(self.start * F.one_hot(ids, int(spec.about["tokens"])).float())
        else:
            self.register_buffer("ids", ids)
        self._label(x, y, spec, w)

    def start_from(self, source: np.ndarray | None, given: pa.Table | None = None) -> None:
        """See :class:`Synthetic`; learned texts are others."""
        super().start_from(None if self.learned else source, given)

    def keep(self, index: Tensor) -> None:
        """See :class:`PixelSet`."""
        if self.learned:
            self.scores = nn.Parameter(self.scores.detach()[index])
        else:
            self.ids = self.ids[index]
        self._keep_parts(index)

    def numbers(self) -> Tensor:
        """Return the numbers of the tokens, ``(M, L)`` int64, what follows the end of a text left out."""
        ids = self.scores.detach().argmax(-1) if self.learned else self.ids
        order = torch.argsort((ids == 0).long(), dim=1, stable=True)  # padding goes to the end
        return ids.gather(1, order)

    def codes(self) -> dict[str, Tensor]:
        """Return ``tokens`` and what is learned of labels and weights.

        Tokens are numbers ``(M, L)``; where they are learned and gradients are asked for, one-hot ``(M, L, tokens)``.
        """
        codes: dict[str, Tensor] = {}
        for part in self._parts():
            codes |= part.codes()
        if not (self.learned and torch.is_grad_enabled()):
            ids = self.numbers()
            return {"tokens": F.pad(ids, (0, self.spec.shape[0] - ids.shape[1])).float(), **codes}
        soft = (self.scores / self.temperature).softmax(-1)
        hard = F.one_hot(self.scores.argmax(-1), self.scores.shape[-1]).to(soft)
        return {"tokens": hard + soft - soft.detach(), **codes}

    def decode(self, codes: dict[str, Tensor]) -> Batch:
        """See :class:`Synthetic`."""
        return self.labelled(codes["tokens"], codes)

    @torch.no_grad()
    def project(self) -> None:
        """See :class:`Synthetic`."""
        for part in self._parts():
            part.project()

    def param_groups(self, lr: float) -> list[dict[str, Any]]:
        """See :class:`Synthetic`; labels and weights have rates of their own."""
        groups = [{"params": [self.scores] if self.learned else [], "lr": lr}]
        groups += [{"params": list(part.parameters()), "lr": lr * part.lr} for part in self._parts()]
        return [group for group in groups if group["params"]]

    def pack(self) -> Packed:
        """Return a row of packed numbers of tokens for each text, and labels and weights as :class:`PixelSet` does."""
        packed = self._with_parts({}, {"tokens": layout(self.spec), "normalized": True})
        return Packed({"tokens": row_each(self.numbers(), self.spec), **packed.columns}, packed.meta)

    def exact_row(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """See :class:`Synthetic`: all texts one after another, each with its end, which is padding."""
        packed, about = one_row(self.numbers(), self.spec)
        return {"tokens": packed}, {"tokens": about}

    def exact_names(self, spec: DataSpec) -> tuple[str, ...]:
        """See :class:`Synthetic`."""
        return ("tokens",)

    def bits(self) -> Bits:
        """Return ``ceil(log2(tokens))`` bits a token, whole bytes a text with 8 bits for its end, labels, and the
        tokenizer, without which nobody can read them, as side information.
        """
        own = self._bits_of_parts()
        data = text_bits(row_each(self.numbers(), self.spec))
        return Bits(data=data, labels=own.labels, side=own.side + self.known_bits())

    def reading(self) -> dict[str, Any]:
        """See :class:`Synthetic`."""
        return {"inputs": "as stored"}

    def known_bits(self) -> int:
        """See :class:`Synthetic`: the tokenizer."""
        return 8 * len(self.spec.about["tokenizer"].encode())


def layout(spec: DataSpec) -> dict[str, int]:
    """Return what a reader must know of packed numbers of tokens."""
    return {"bits": spec.bits_per_value, "length": spec.shape[0]}


def row_each(ids: Tensor, spec: DataSpec) -> list[bytes]:
    """Pack the numbers of the tokens of texts ``(M, L)``, a row each; zeros are left out."""
    return [pack_codes(row[row > 0], spec.bits_per_value) for row in ids.long().cpu().numpy()]


def one_row(ids: Tensor, spec: DataSpec) -> tuple[bytes, dict[str, int]]:
    """Pack all texts one after another, each with its end, which is padding; and say how."""
    texts = [[*row[row > 0], 0] for row in ids.long().cpu().numpy()]
    numbers = np.array([number for text in texts for number in text], np.int64)
    return pack_codes(numbers, spec.bits_per_value), {**layout(spec), "count": len(numbers)}


def text_bits(rows: list[bytes]) -> int:
    """Return the bits of packed texts, a row each: whole bytes, and 8 bits for the end of each."""
    return sum(8 * (len(row) + 1) for row in rows)
