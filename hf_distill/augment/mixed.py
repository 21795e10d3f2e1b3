"""MixedAugment: every column of inputs of several kinds is augmented by itself."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from hf_distill.augment.base import Augment, AugmentParams
from hf_distill.augment.siamese import AnyAugment
from hf_distill.errors import UserError
from hf_distill.options import PositiveInt
from hf_distill.pieces import pieces


class MixedAugment(Augment):
    """Augments some pieces of flat inputs, each in its own way: the image of an image with its text.

    Args:
        shapes: The shape of every piece, in their order; null for none.
        augments: How each is augmented, null leaves it as it is; null for none.
    """

    kinds = ("mixed",)
    noun = "columns of several kinds"

    def __init__(
        self, *, shapes: list[list[PositiveInt]] | None = None, augments: list[AnyAugment | None] | None = None
    ) -> None:
        self.shapes = shapes
        self.augments = augments

    def sample(self, generator: torch.Generator, count: int | None = None) -> AugmentParams:
        """See :class:`Augment`; the name of an operation has the place of its piece in front."""
        drawn = []
        for place, augment in enumerate(self.augments or ()):
            if augment is not None:
                params = augment.sample(generator, count)
                drawn += [(f"{place}.{name}", draws) for name, draws in params.draws]
        return AugmentParams(tuple(drawn))

    def apply(self, x: Tensor, params: AugmentParams) -> Tensor:
        """See :class:`Augment`: inputs ``(B, D)``."""
        shapes, augments = self.shapes or [], self.augments or []
        if len(augments) != len(shapes) or x.dim() != 2 or sum(map(math.prod, shapes)) != x.shape[1]:
            raise UserError(
                f"MixedAugment has {len(augments)} augmentations and shapes {shapes}, "
                f"which are not those of inputs of shape {tuple(x.shape)}"
            )
        found = []
        for place, (augment, piece) in enumerate(zip(augments, pieces(x, shapes), strict=True)):
            own = tuple(
                (name.partition(".")[2], draws) for name, draws in params.draws if name.partition(".")[0] == str(place)
            )
            found.append((piece if augment is None else augment.apply(piece, AugmentParams(own))).flatten(1))
        return torch.cat(found, 1)
