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
        augments: How some are augmented, by their places from 0 on, which are text; the others stay as they are.

    Examples:
        >>> from hf_distill import MixedAugment, SiameseAugment
        >>> augment = MixedAugment(shapes=[[1, 8, 8], [16]], augments={"0": SiameseAugment()})  # images; texts stay
        >>> augment.kinds
        ('mixed',)
    """

    kinds = ("mixed",)
    noun = "columns of several kinds"

    def __init__(
        self, *, shapes: list[list[PositiveInt]] | None = None, augments: dict[str, AnyAugment] | None = None
    ) -> None:
        self.shapes = shapes
        self.augments = augments

    def sample(self, generator: torch.Generator, count: int | None = None) -> AugmentParams:
        """See :class:`Augment`; the name of an operation has the place of its piece in front."""
        drawn = []
        for place, augment in (self.augments or {}).items():
            params = augment.sample(generator, count)
            drawn += [(f"{place}.{name}", draws) for name, draws in params.draws]
        return AugmentParams(tuple(drawn))

    def apply(self, x: Tensor, params: AugmentParams) -> Tensor:
        """See :class:`Augment`: inputs ``(B, D)``."""
        shapes, augments = self.shapes or [], self.augments or {}
        if x.dim() != 2 or sum(map(math.prod, shapes)) != x.shape[1]:
            raise UserError(
                f"MixedAugment has shapes {shapes}, which are not those of inputs of shape {tuple(x.shape)}"
            )
        places = [str(place) for place in range(len(shapes))]
        unknown = next((place for place in augments if place not in places), None)
        if unknown is not None:
            raise UserError(f"augments has {unknown!r}; the places are {', '.join(places)}")
        found = []
        for place, piece in zip(places, pieces(x, shapes), strict=True):
            own = [(name.partition(".")[2], draws) for name, draws in params.draws if name.startswith(f"{place}.")]
            augmented = augments[place].apply(piece, AugmentParams(tuple(own))) if own else piece
            found.append(augmented.flatten(1))
        return torch.cat(found, 1)
