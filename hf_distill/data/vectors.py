"""VectorTransform: what is done to every row of a vector column before anything else sees it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

from hf_distill.errors import UserError
from hf_distill.options import NonNegativeInt, PositiveFloat, PositiveInt
from hf_distill.parts import Part


class VectorTransform(Part):
    """Choose entries of a vector, take decibels, subtract a reference of the row and divide by a scale, in this order.

    ``x = (f(v)[entries] - reference(f(v)[entries])) / scale`` with ``f = 10 log10`` or the identity. Each row is
    transformed by itself, so that training and test rows need no statistics. A distilled set is published in the
    transformed units: its rows are the inputs that a network trained on it takes, and new rows of the source must be
    transformed in the same way. Scale and decibels can be undone (``v = 10 ** (scale * x / 10)``); the entries that
    are left out and the row's reference are gone.

    Args:
        entries: Numbers of the entries that are kept, in the order given; null keeps all.
        stride: Keep only each so-manieth of them, beginning with the first.
        decibel: The entries are linear powers: take ten times their decimal logarithm.
        reference: What is subtracted from every entry of a row: ``maximum`` or ``mean`` of its kept entries, or
            ``none``.
        scale: What the result is divided by, in the entries' unit (or dB).

    Examples:
        >>> import torch
        >>> from hf_distill import VectorTransform
        >>> beams = VectorTransform(entries=[0, 2], decibel=True, reference="maximum", scale=10)
        >>> beams.apply(torch.tensor([[100.0, 5.0, 1.0]]))
        tensor([[ 0., -2.]])
    """

    def __init__(
        self,
        *,
        entries: list[NonNegativeInt] | None = None,
        stride: PositiveInt = 1,
        decibel: bool = False,
        reference: Literal["none", "maximum", "mean"] = "none",
        scale: PositiveFloat = 1.0,
    ) -> None:
        self.entries = entries
        self.stride = stride
        self.decibel = decibel
        self.reference = reference
        self.scale = scale

    def index(self, length: int) -> list[int]:
        """Return the numbers of the kept entries of a vector of some length."""
        return (list(range(length)) if self.entries is None else self.entries)[:: self.stride]

    def width(self, length: int) -> int:
        """Return how many entries are kept."""
        return len(self.index(length))

    def check(self, length: int) -> None:
        """Refuse options that do not fit vectors of some length.

        Raises:
            UserError: An entry does not exist or comes twice, or nothing is kept.
        """
        kept = self.index(length)
        wrong = next((entry for entry in kept if not 0 <= entry < length), None)
        if wrong is not None:
            raise UserError(f"data.transform.entries has {wrong}; the vectors have entries 0 to {length - 1}")
        if not kept or len(set(kept)) < len(kept):
            raise UserError(f"data.transform.entries is {self.entries}; name one entry or more, each once")

    def apply(self, values: Tensor, rows: Sequence[int] | None = None) -> Tensor:
        """Transform vectors ``(B, length)`` into ``(B, width)``.

        Args:
            values: Vectors in the source's unit.
            rows: Their numbers in the source, for errors.

        Raises:
            UserError: A power is zero or negative and has no decibels.
        """
        x = values[:, torch.tensor(self.index(values.shape[1]), device=values.device)]
        if self.decibel:
            bad = (x <= 0).any(1).nonzero()
            if len(bad):
                row = int(bad[0]) if rows is None else rows[int(bad[0])]
                raise UserError(f"row {row} holds a power of 0 or less, which has no decibels: filter such rows out")
            x = 10 * x.log10()
        if self.reference == "maximum":
            x = x - x.max(1, keepdim=True).values
        elif self.reference == "mean":
            x = x - x.mean(1, keepdim=True)
        return x / self.scale
