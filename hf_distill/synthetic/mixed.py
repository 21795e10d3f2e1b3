"""MixedSet: samples of several columns, each of a kind of its own."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from hf_distill.data.batch import Batch
from hf_distill.data.kinds.mixed import MixedKind
from hf_distill.data.spec import DataSpec
from hf_distill.errors import UserError
from hf_distill.labels.base import Labels
from hf_distill.labels.weights import Weights
from hf_distill.options import PositiveInt
from hf_distill.synthetic.base import Bits, Packed
from hf_distill.synthetic.pixel import PixelSet
from hf_distill.synthetic.tokens import layout, one_row, row_each, text_bits


class MixedSet(PixelSet):
    """An image with its text, a sound with numbers: one free parameter for every value that is a quantity.

    Every column (and all numbers and categories together) is a stored variable ``part0``, ``part1``, ...; each is
    quantized by its own values. Texts stay those that the set starts from and are stored as numbers of tokens; chosen
    cells are published as the source has them.

    Args:
        per_class: Samples of each class.
        clip: See :class:`PixelSet`.
        labels: See :class:`PixelSet`.
        weights: See :class:`PixelSet`.

    Examples:
        In YAML:

            method:
              class_path: OptimizedDistillation
              init_args:
                synthetic: {class_path: MixedSet, init_args: {per_class: 5}}  # images with their captions, say
    """

    ids: Tensor

    def __init__(
        self,
        *,
        per_class: PositiveInt = 10,
        clip: bool = True,
        labels: Labels | None = None,
        weights: Weights | None = None,
    ) -> None:
        super().__init__(per_class=per_class, clip=clip, labels=labels, weights=weights)

    def initialize(self, x: Tensor, y: Tensor, spec: DataSpec, w: Tensor | None = None) -> None:
        """See :class:`Synthetic`."""
        if spec.kind != MixedKind.name:
            raise UserError(f"MixedSet holds columns of several kinds, not {spec.form.plural}: leave the set out")
        width = sum(torch.Size(part.shape).numel() for _, part in _quantities(spec))
        if not torch.equal(x[:, width:], x[:, width:].round()):
            raise UserError("texts have no mean: let the set start from RealSamples")
        self._spec = spec
        self.pixels = nn.Parameter(x[:, :width].detach().clone().float())
        self.register_buffer("ids", x[:, width:].detach().long())
        self._label(x, y, spec, w)

    def keep(self, index: Tensor) -> None:
        """See :class:`PixelSet`."""
        self.ids = self.ids[index]
        super().keep(index)

    def stored(self, x: Tensor) -> np.ndarray | None:
        """See :class:`Synthetic`: the source's cells of the columns that are what the set started from."""
        if self._chosen is None:
            return None
        form, begun, cells = MixedKind(), *self._chosen
        out = form.store(self.spec, x.detach().cpu())
        start = 0
        for (part, now), (_, before) in zip(form.split(self.spec, x.cpu()), form.split(self.spec, begun), strict=True):
            stop = start + len(form.columns_of(part))
            if torch.equal(now, before):
                known = cells[:, start:stop] != None  # noqa: E711 - of every cell
                out[:, start:stop][known] = cells[:, start:stop][known]
            start = stop
        return out

    def shapes(self, spec: DataSpec, size: int) -> dict[str, tuple[int, ...]]:
        """See :class:`PixelSet`."""
        found = super().shapes(spec, size)
        samples = found.pop("pixels")[0]
        return {**{name: (samples, *part.shape) for name, part in _named(spec)}, **found}

    def codes(self) -> dict[str, Tensor]:
        """Return the values ``(M, *shape)`` of every part, of texts their tokens, and those of labels and weights."""
        codes = {name: own for (name, _), own in zip(_named(self.spec), self._pieces(), strict=True)}
        for part in self._parts():
            codes |= part.codes()
        return codes

    def _pieces(self) -> list[Tensor]:
        x = torch.cat((self.pixels, self.ids.to(self.pixels)), 1)
        return [own for _, own in MixedKind().split(self.spec, x)]

    def decode(self, codes: dict[str, Tensor]) -> Batch:
        """See :class:`Synthetic`."""
        return self.labelled(torch.cat([codes[name].flatten(1) for name, _ in _named(self.spec)], 1), codes)

    @torch.no_grad()
    def project(self) -> None:
        """See :class:`PixelSet`."""
        if self.clip:
            width = self.pixels.shape[1]
            least, most = (end[:width] for end in MixedKind().limits(self.spec, self.pixels))
            torch.maximum(torch.minimum(self.pixels, most), least, out=self.pixels)
        for part in self._parts():
            part.project()

    def pack(self) -> Packed:
        """Return the float32 values of every column and a row of packed numbers of tokens for each text."""
        codes, texts = self.codes(), dict(_texts(self.spec))
        arrays = {name: codes[name].detach().cpu().numpy().astype("<f4") for name, _ in _quantities(self.spec)}
        about = {"texts": {name: layout(part) for name, part in texts.items()}, "normalized": True}
        packed = self._with_parts(arrays, about)
        return Packed(
            {**{name: row_each(codes[name], part) for name, part in texts.items()}, **packed.columns}, packed.meta
        )

    def exact_names(self, spec: DataSpec) -> tuple[str, ...]:
        """See :class:`Synthetic`."""
        return tuple(name for name, _ in _texts(spec))

    def exact_row(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """See :class:`Synthetic`."""
        codes = self.codes()
        rows = {name: one_row(codes[name], part) for name, part in _texts(self.spec)}
        return {name: row for name, (row, _) in rows.items()}, {"texts": {name: how for name, (_, how) in rows.items()}}

    def bits(self) -> Bits:
        """Return 32 bits a number, ``ceil(log2(tokens))`` a token, whole bytes a text with 8 bits for its end, labels,
        and the tokenizers as side information.
        """
        codes, own = self.codes(), self._bits(32)
        data = own.data + sum(text_bits(row_each(codes[name], part)) for name, part in _texts(self.spec))
        return Bits(data=data, labels=own.labels, side=own.side + self.known_bits())

    def reading(self) -> dict[str, Any]:
        """See :class:`Synthetic`."""
        return {"inputs": "joined", "joined": [name for name, _ in _named(self.spec)]}

    def known_bits(self) -> int:
        """See :class:`Synthetic`: the tokenizers."""
        return sum(8 * len(part.about["tokenizer"].encode()) for _, part in _texts(self.spec))


def _named(spec: DataSpec) -> list[tuple[str, DataSpec]]:
    return [(f"part{place}", part) for place, part in enumerate(MixedKind.parts(spec))]


def _quantities(spec: DataSpec) -> list[tuple[str, DataSpec]]:
    return [(name, part) for name, part in _named(spec) if part.form.continuous]


def _texts(spec: DataSpec) -> list[tuple[str, DataSpec]]:
    return [(name, part) for name, part in _named(spec) if not part.form.continuous]
