"""Found: what a file of another library holds, before it is known what its numbers mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from torch import Tensor

LabelForm = Literal["classes", "probabilities", "logits", "centred"]
"""``classes`` are numbers of classes; ``centred`` those of kernel methods: of class c one at c, less 1 / classes."""


@dataclass(frozen=True)
class Found:
    """Images or vectors with their labels, as a file has them.

    Attributes:
        images: ``(N, ...)``, in whatever units.
        labels: Numbers of classes ``(N,)`` or a number for each class ``(N, classes)``.
        layout: Whose layout it is.
        scale: What the numbers of the images are, where the file tells: a name in
            :data:`~hf_distill.exchange.scales.SCALES`.
        form: What the numbers of soft labels are.
        rate: The learning rate that was learned with the set.
        names: What the file calls each class, in the order of its labels.
    """

    images: Tensor
    labels: Tensor
    layout: str
    scale: str | None = None
    form: LabelForm = "logits"
    rate: float | None = None
    names: tuple[str, ...] | None = None
