"""SoftExamples: a published set as its soft labels have it, views made when they are asked for."""

from __future__ import annotations

import numpy as np
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
        packed: The stored variables.

    Raises:
        UserError: They hold no soft labels.
    """

    def __init__(self, x: Tensor, w: Tensor, packed: Packed) -> None:
        y = exact_labels(packed)
        if y is None or y.ndim < 2:
            raise UserError("this set holds no soft labels: choose labels hard")
        self.views = y.shape[1] if y.ndim == 3 else 1
        self._x, self._w, self._about = x, w, packed.meta
        self._y = torch.from_numpy(y.reshape(-1, y.shape[-1]))

    def __len__(self) -> int:
        return len(self._y)

    def batch(self, index: Tensor) -> Batch:
        """See :class:`Source`; number ``e`` is view ``e % views`` of sample ``e // views``."""
        if self.views == 1:
            return Batch(self._x[index], self._y[index], self._w[index])
        seen: np.ndarray = exact_views(self._about, self._x.numpy(), index.numpy())
        return Batch(torch.from_numpy(seen), self._y[index], self._w[index // self.views])

    def whole(self) -> Batch:
        """Return all of them."""
        return self.batch(torch.arange(len(self)))
