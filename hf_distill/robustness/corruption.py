"""Corruption: noise, blur and other things that happen to images without an adversary."""

from __future__ import annotations

from typing import Annotated, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from hf_distill.data.spec import DataSpec
from hf_distill.options import Range
from hf_distill.robustness.harm import Harm
from hf_distill.seeding import Streams

# By severity, those of CIFAR-10-C, for images of 32 pixels: deviation of the noise, width of the blur in pixels, share
# of the contrast that is left, what is added to each pixel, share of the pixels of a side that are left.
_STRENGTHS = {
    "noise": (0.04, 0.06, 0.08, 0.09, 0.1),
    "blur": (0.4, 0.6, 0.7, 0.8, 1.0),
    "contrast": (0.75, 0.5, 0.4, 0.3, 0.15),
    "brightness": (0.05, 0.1, 0.15, 0.2, 0.3),
    "pixelate": (0.95, 0.9, 0.85, 0.75, 0.65),
}


class Corruption(Harm):
    """Gaussian noise, Gaussian blur, less contrast, more light, or fewer pixels.

    Strengths are those of CIFAR-10-C: Hendrycks and Dietterich, Benchmarking Neural Network Robustness to Common
    Corruptions and Perturbations (ICLR 2019). Light is added to all channels alike.

    Args:
        name: Which.
        severity: 1 is weak and 5 is strong.

    Examples:
        In YAML:

            evaluator:
              class_path: ClassificationEvaluator
              init_args:
                robustness: {harms: [{class_path: Corruption, init_args: {name: blur, severity: 5}}]}
    """

    def __init__(
        self,
        *,
        name: Literal["noise", "blur", "contrast", "brightness", "pixelate"],
        severity: Annotated[int, Range(1, 5)] = 3,
    ) -> None:
        self.name = name
        self.severity = severity

    @property
    def label(self) -> str:
        """See :class:`Harm`."""
        return f"{self.name} {self.severity}"

    def apply(self, network: nn.Module, x: Tensor, y: Tensor, spec: DataSpec, streams: Streams) -> Tensor:
        """See :class:`Harm`."""
        mean, std = spec.statistics(x)
        pixels, strength = x * std + mean, _STRENGTHS[self.name][self.severity - 1]
        if self.name == "noise":
            drawn = torch.randn(x.shape, generator=streams.generator("noise")).to(x)
            pixels = pixels + strength * drawn
        elif self.name == "blur":
            pixels = blurred(pixels, strength)
        elif self.name == "contrast":
            middle = pixels.mean((2, 3), keepdim=True)
            pixels = middle + strength * (pixels - middle)
        elif self.name == "brightness":
            pixels = pixels + strength
        else:
            few = [max(1, int(strength * size)) for size in x.shape[2:]]
            pixels = F.interpolate(F.interpolate(pixels, few, mode="area"), x.shape[2:], mode="area")
        return (pixels.clamp(0, 1) - mean) / std


def blurred(x: Tensor, width: float) -> Tensor:
    """Return images ``(B, C, H, W)`` after a Gaussian blur of some width in pixels; the edge goes on outside."""
    reach = max(1, round(4 * width))
    places = torch.arange(-reach, reach + 1, device=x.device, dtype=x.dtype)
    kernel = torch.exp(-places.square() / (2 * width**2))
    kernel = (kernel / kernel.sum()).repeat(x.shape[1], 1, 1, 1)
    x = F.pad(x, (reach, reach, reach, reach), mode="replicate")
    return F.conv2d(F.conv2d(x, kernel, groups=x.shape[1]), kernel.mT, groups=x.shape[1])
