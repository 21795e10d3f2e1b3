"""SiameseAugment: differentiable augmentation that is the same for real and synthetic images."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Annotated, Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from hf_distill.augment.base import Augment, AugmentParams
from hf_distill.errors import UserError
from hf_distill.options import Like, Range, Share

_NAMES = ("color", "crop", "cutout", "flip", "scale", "rotate")
_ONE = f"({'|'.join(_NAMES)})"
_STRATEGY = Like(f"{_ONE}(_{_ONE})*", f"some of {', '.join(_NAMES)}, joined by _")


class SiameseAugment(Augment):
    """Differentiable siamese augmentation (DSA; Zhao and Bilen, ICML 2021).

    Draw parameters once with :meth:`sample` and give them to :meth:`apply` for the real and for the synthetic batch.
    In ``siamese`` draws one parameter serves the whole batch, as in the paper; in training and evaluation every image
    has its own. A strength of zero (``scale`` of one) leaves the images as they are.

    Args:
        strategy: Operations to draw from, joined by ``_``: any of ``color crop cutout flip scale rotate``; leave out
            ``flip`` for digits. ``color`` is brightness, then saturation, then contrast.
        mode: ``S`` draws one operation per call, ``M`` applies all of them in the order of ``strategy``.
        brightness: Additive shift, uniform in ``±brightness / 2`` (in units of the normalised image).
        saturation: Factor of the deviation from the mean over channels, uniform in ``1 ± saturation / 2``.
        contrast: Factor of the deviation from the image's mean, uniform in ``1 ± contrast``.
        crop: Shift in both directions by at most this share of the side; what enters the image is zero.
        cutout: Side of the square that is set to zero, as a share of the image's side.
        flip: Probability of a horizontal flip.
        scale: Zoom of each axis on its own, uniform in ``1 / scale`` to ``scale``.
        rotate: Rotation in degrees, uniform in ``± rotate``.

    Examples:
        >>> from hf_distill import SiameseAugment
        >>> SiameseAugment(strategy="color_crop_rotate").operations
        ('color', 'crop', 'rotate')
    """

    kinds = ("image",)
    noun = "images"
    citation = """@inproceedings{zhao2021siamese,
  title = {Dataset Condensation with Differentiable Siamese Augmentation},
  author = {Zhao, Bo and Bilen, Hakan},
  booktitle = {International Conference on Machine Learning},
  year = {2021}
}"""

    def __init__(
        self,
        *,
        strategy: Annotated[str, _STRATEGY] = "color_crop_cutout_flip_scale_rotate",
        mode: Literal["S", "M"] = "S",
        brightness: Annotated[float, Range(0, 100)] = 1.0,
        saturation: Annotated[float, Range(0, 100)] = 2.0,
        contrast: Annotated[float, Range(0, 100)] = 0.5,
        crop: Share = 0.125,
        cutout: Share = 0.5,
        flip: Share = 0.5,
        scale: Annotated[float, Range(1, 10)] = 1.2,
        rotate: Annotated[float, Range(0, 360)] = 15.0,
    ) -> None:
        self.strategy = strategy
        self.mode = mode
        self.brightness = brightness
        self.saturation = saturation
        self.contrast = contrast
        self.crop = crop
        self.cutout = cutout
        self.flip = flip
        self.scale = scale
        self.rotate = rotate

    @property
    def operations(self) -> tuple[str, ...]:
        """The operations of ``strategy``."""
        return tuple(self.strategy.split("_"))

    def sample(self, generator: torch.Generator, count: int | None = None) -> AugmentParams:
        """Draw parameters.

        Args:
            generator: Generator on the CPU; the same state gives the same parameters.
            count: Images that get a parameter each; None draws one for the whole batch (siamese).

        Returns:
            What :meth:`apply` takes, on the CPU.
        """
        names = self.operations
        if self.mode == "S":
            names = (names[int(torch.randint(len(names), (1,), generator=generator))],)
        # Every operation draws equally many numbers: the stream does not depend on which one was drawn.
        return AugmentParams(tuple((name, torch.rand(count or 1, 3, generator=generator)) for name in names))

    def apply(self, x: Tensor, params: AugmentParams) -> Tensor:
        """Augment images ``(B, C, H, W)``, differentiably; same shape and type.

        Args:
            x: Images in the networks' units.
            params: From :meth:`sample`, with one row, or one row an image.
        """
        if x.dim() != 4:
            raise UserError(
                f"augmentation works on images (batch, channels, height, width), not on inputs of shape "
                f"{tuple(x.shape)}; set augment to null for vectors"
            )
        for name, draws in params.draws:
            x = OPERATIONS[name](self, x, draws.to(x.device, x.dtype))
        return x

    def _color(self, x: Tensor, u: Tensor) -> Tensor:
        v = (2 * u - 1)[:, :, None, None, None]  # (B, 3, 1, 1, 1), uniform in ±1
        x = x + v[:, 0] * (self.brightness / 2)
        if x.shape[1] > 1:  # a grey image is its own mean over channels
            mean = x.mean(1, keepdim=True)
            x = mean + (x - mean) * (1 + v[:, 1] * (self.saturation / 2))
        mean = x.mean((1, 2, 3), keepdim=True)
        return mean + (x - mean) * (1 + v[:, 2] * self.contrast)

    def _crop(self, x: Tensor, u: Tensor) -> Tensor:
        height, width = x.shape[2:]
        dy, dx = (_shift(u[:, i], int(size * self.crop + 0.5)) for i, size in enumerate((height, width)))
        if len(u) == 1:
            # One shift for all: pad by it (negative padding crops).
            up, left = int(dy), int(dx)
            return F.pad(x, (-left, left, -up, up))
        rows = torch.arange(height, device=x.device) + dy[:, None]  # (B, H), source row of each row
        columns = torch.arange(width, device=x.device) + dx[:, None]
        inside = _inside(rows, height)[:, :, None] & _inside(columns, width)[:, None, :]
        batch = torch.arange(len(x), device=x.device)[:, None, None]
        moved = x.permute(0, 2, 3, 1)[
            batch, rows.clamp(0, height - 1)[:, :, None], columns.clamp(0, width - 1)[:, None, :]
        ]
        return moved.permute(0, 3, 1, 2).contiguous() * inside[:, None].to(x.dtype)

    def _cutout(self, x: Tensor, u: Tensor) -> Tensor:
        kept = []
        for i, size in enumerate(x.shape[2:]):
            hole = int(size * self.cutout + 0.5)
            # The centre is anywhere in the image, so that the hole may hang over the edge.
            start = (u[:, i] * (size + 1 - hole % 2)).long() - hole // 2
            position = torch.arange(size, device=x.device) - start[:, None]
            kept.append(~_inside(position, hole))
        keep = kept[0][:, None, :, None] | kept[1][:, None, None, :]
        return x * keep.to(x.dtype)

    def _flip(self, x: Tensor, u: Tensor) -> Tensor:
        return torch.where((u[:, 0] < self.flip)[:, None, None, None], x.flip(3), x)

    def _scale(self, x: Tensor, u: Tensor) -> Tensor:
        # theta maps an output position to its source: below one enlarges.
        zoom = u[:, :2] * (self.scale - 1 / self.scale) + 1 / self.scale
        zero = torch.zeros_like(zoom[:, 0])
        return _affine(x, torch.stack([zoom[:, 0], zero, zero, zero, zoom[:, 1], zero], 1))

    def _rotate(self, x: Tensor, u: Tensor) -> Tensor:
        angle = (2 * u[:, 0] - 1) * (self.rotate * math.pi / 180)
        sine, cosine, zero = angle.sin(), angle.cos(), torch.zeros_like(angle)
        return _affine(x, torch.stack([cosine, -sine, zero, sine, cosine, zero], 1))


OPERATIONS: dict[str, Callable[[SiameseAugment, Tensor, Tensor], Tensor]] = {
    "color": SiameseAugment._color,
    "crop": SiameseAugment._crop,
    "cutout": SiameseAugment._cutout,
    "flip": SiameseAugment._flip,
    "scale": SiameseAugment._scale,
    "rotate": SiameseAugment._rotate,
}
"""The operations by their names in a strategy; each takes images ``(B, C, H, W)`` and draws ``(B or 1, 3)``."""


def _shift(u: Tensor, limit: int) -> Tensor:
    """Turn uniform draws into whole numbers in ``-limit .. limit``."""
    return (u * (2 * limit + 1)).long() - limit


def _inside(position: Tensor, size: int) -> Tensor:
    return (position >= 0) & (position < size)


def _affine(x: Tensor, theta: Tensor) -> Tensor:
    """Resample bilinearly by ``theta`` ``(B or 1, 6)``, with zeros outside of the image."""
    if len(theta) == 1 and len(x) > 1:
        # One transformation for all: images become channels, so that the grid is looked up once.
        flat = x.reshape(1, -1, *x.shape[2:])
        return _affine(flat, theta).reshape(x.shape)
    grid = F.affine_grid(theta.reshape(-1, 2, 3), list(x.shape), align_corners=False)
    return F.grid_sample(x, grid, mode="bilinear", padding_mode="zeros", align_corners=False)


AnyAugment = SiameseAugment | Augment
"""The type of options that are an augmentation; what names no class is a ``SiameseAugment``."""
