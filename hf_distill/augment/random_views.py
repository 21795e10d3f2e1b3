"""RandomViews: random parts of images, mirrored, shuffled and mixed; what the decoupled line trains and labels on."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np
import torch
from torch import Tensor

from hf_distill import decode
from hf_distill.augment.base import Augment, AugmentParams
from hf_distill.errors import UserError
from hf_distill.options import Range, Share


class RandomViews(Augment):
    """A random part of an image, enlarged to its size, as labels of a teacher are stored for and replayed.

    A view is a function of the image and of a few uniform numbers, the same here and in the decoder that is published
    beside a set (:mod:`hf_distill.decode`). Mixed views need labels that know what was mixed: those that a teacher
    gives to the mixture.

    Source: crops, mixup and CutMix as Shen and Xing, A Fast Knowledge Distillation Framework for Visual Recognition
    (ECCV 2022), stores labels for; shuffled patches as Sun et al., On the Diversity and Realism of Distilled Dataset
    (RDED, CVPR 2024). Shares of a mixture are uniform here, which is CutMix with ``alpha`` 1.

    Args:
        least: Share of the image's area that a part has at least; 1 leaves images whole.
        flip: Probability of a horizontal flip; 0 for digits.
        patches: First let so many by so many patches of the image change places; they divide its sides.
        mix: ``mixup`` adds another image, ``cutmix`` puts a box of another one into it.

    Examples:
        >>> import torch
        >>> from hf_distill import RandomViews
        >>> views = RandomViews(least=0.25, flip=0)
        >>> views.apply(torch.rand(4, 1, 8, 8), views.sample(torch.Generator().manual_seed(0), count=4)).shape
        torch.Size([4, 1, 8, 8])
    """

    kinds = ("image",)
    noun = "images"

    def __init__(
        self,
        *,
        least: Annotated[float, Range(1e-4, 1)] = 0.08,
        flip: Share = 0.5,
        patches: Annotated[int, Range(1, 16)] = 1,
        mix: Literal["none", "mixup", "cutmix"] = "none",
    ) -> None:
        self.least = least
        self.flip = flip
        self.patches = patches
        self.mix = mix
        self.mixes = mix != "none"

    def unmixed(self) -> RandomViews:
        """See :class:`Augment`."""
        return RandomViews(least=self.least, flip=self.flip, patches=self.patches)

    def about(self) -> dict[str, Any]:
        """Return what :mod:`hf_distill.decode` needs to know."""
        return {"least": self.least, "flip": self.flip, "patches": self.patches, "mix": self.mix}

    @property
    def _numbers(self) -> int:
        return decode.ENOUGH + self.patches**2

    def check(self, shape: tuple[int, ...]) -> None:
        """Refuse inputs that have no such views.

        Raises:
            UserError: They are no images, or the patches do not divide their sides.
        """
        if len(shape) != 3:
            raise UserError(f"RandomViews are of images, not of inputs of shape {shape}")
        if any(side % self.patches for side in shape[1:]):
            raise UserError(f"patches is {self.patches}, which does not divide the sides of images of shape {shape}")

    def sample(self, generator: torch.Generator, count: int | None = None) -> AugmentParams:
        """See :class:`Augment`; the draws are ``(B, numbers of a view)``."""
        drawn = torch.rand(count or 1, self._numbers, dtype=torch.float64, generator=generator)
        return AugmentParams((("view", drawn),))

    def apply(self, x: Tensor, params: AugmentParams) -> Tensor:
        """See :class:`Augment`; an image is mixed with the one before it in the batch."""
        self.check(tuple(x.shape[1:]))
        ((_, drawn),) = params.draws
        u = drawn.expand(len(x), -1).numpy()
        return self._mixed(self._parts(x, u), torch.arange(len(x)).roll(1), u)

    def replayed(self, x: Tensor, index: Tensor, count: int, seed: int) -> Tensor:
        """Return some views of images ``(M, C, H, W)``, differentiable; :func:`hf_distill.decode.seen` in torch.

        Args:
            x: The images.
            index: Numbers of views ``(B,)``: view ``e % count`` of image ``e // count``.
            count: Views of an image.
            seed: Of the uniform numbers.
        """
        sample, view = np.divmod(index.cpu().numpy(), count)
        u = decode.numbers(seed, view, sample, self._numbers)
        own = self._parts(x[sample], u)
        if self.mixes:
            partner = decode.partners(seed, view, sample, len(x))
            other = self._parts(x[partner], decode.numbers(seed, view, partner, self._numbers))
            own = self._mixed(torch.cat([own, other]), torch.arange(len(own), 2 * len(own)), u)
        first = torch.from_numpy(view == 0).to(x.device)[:, None, None, None]
        return torch.where(first, x[sample], own)

    def _parts(self, x: Tensor, u: np.ndarray) -> Tensor:
        height, width = x.shape[2:]
        if self.patches > 1:
            places = torch.from_numpy(decode.shuffled_places(u, self.patches, height, width)).to(x.device)
            x = x.flatten(2).gather(2, places[:, None].expand(-1, x.shape[1], -1)).view_as(x)
        matrices = decode.part_matrices(u, self.least, self.flip, height, width)
        rise, run = (torch.from_numpy(np.ascontiguousarray(part)).to(x)[:, None] for part in matrices)
        return rise @ x @ run.mT

    def _mixed(self, x: Tensor, partner: Tensor, u: np.ndarray) -> Tensor:
        """Mix the first images ``(B, ...)`` with those at ``partner`` ``(B,)``."""
        own = x[: len(partner)]
        if not self.mixes:
            return own
        share = torch.from_numpy(decode.partner_shares(u, self.mix, *x.shape[2:])).to(x)[:, None]
        return own * (1 - share) + x[partner.to(x.device)] * share
