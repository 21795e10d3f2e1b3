"""SoftExamples: a published set as its soft labels have it, views made when they are asked for."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from hf_distill.data.batch import Batch
from hf_distill.errors import UserError
from hf_distill.hub.exact import exact_labels, exact_views
from hf_distill.synthetic.base import Packed
from hf_distill.training.source import Source


class SoftExamples(Source):
    """Samples with their class probabilities; of a set with several views of an image, each view with its own.

    Args:
        x: Inputs as they are published, ``(M, *shape)``.
        w: Weights ``(M,)``.
        y: Class probabilities of all examples ``(M * views, classes)``.
        about: What the codes say of views; None where a sample has one label.
    """

    def __init__(self, x: Tensor, w: Tensor, y: Tensor, about: dict[str, Any] | None = None) -> None:
        self.views = 1 if about is None else len(y) // len(x)
        self._x, self._w, self._y, self._about = x, w, y, about

    @classmethod
    def of(cls, x: Tensor, w: Tensor, packed: Packed) -> SoftExamples:
        """Return those that are stored.

        Raises:
            UserError: There are no soft labels.
        """
        y = exact_labels(packed)
        if y is None or not holds_soft(packed):
            raise UserError("this set holds no soft labels: choose labels hard")
        return cls(x, w, torch.from_numpy(y.reshape(-1, y.shape[-1])), packed.meta["labels"].get("views"))

    def __len__(self) -> int:
        return len(self._y)

    def batch(self, index: Tensor) -> Batch:
        """See :class:`Source`; number ``e`` is view ``e % views`` of sample ``e // views``."""
        if self._about is None:
            return Batch(self._x[index], self._y[index], self._w[index])
        seen = exact_views(self._about, self._x.numpy(), index.numpy())
        return Batch(torch.from_numpy(seen), self._y[index], self._w[index // self.views])

    def whole(self) -> Batch:
        """Return all of them."""
        return self.batch(torch.arange(len(self)))


def holds_soft(packed: Packed) -> bool:
    """Whether codes hold the probabilities of classes."""
    about = packed.meta.get("labels") or {}
    return "top" in about or "dense" in about
