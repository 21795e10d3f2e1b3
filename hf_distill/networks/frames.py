"""FramesNetwork: the small network for videos."""

from __future__ import annotations

from typing import Literal

from torch import Tensor, nn

from hf_distill.errors import UserError
from hf_distill.networks.base import Architecture
from hf_distill.networks.layers import AvgPoolPairs
from hf_distill.options import Width


class _Frames(nn.Module):
    """Applies a network for images to every frame: ``(B, T, C, H, W)`` to ``(B, F, T, H', W')``."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        return self.network(x.flatten(0, 1)).unflatten(0, x.shape[:2]).transpose(1, 2)


class FramesNetwork(Architecture):
    """Two blocks of convolutions in space for every frame, then two in space and time, and a linear head.

    A block is a convolution of width 3, normalisation, ReLU and average pooling by 2, of time too in the last two. What
    the first blocks find is small when time comes in: (2+1)-D networks, Tran et al., A Closer Look at Spatiotemporal
    Convolutions for Action Recognition (CVPR 2018), begin so as well.

    Args:
        width: Channels of the first two blocks; the others have twice as many.
        norm: ``instance`` (``GroupNorm(C, C)``, affine) or ``none``.

    Examples:
        >>> import torch
        >>> from hf_distill import FramesNetwork
        >>> FramesNetwork(width=4).build((8, 3, 16, 16), 10, seed=0)(torch.zeros(2, 8, 3, 16, 16)).shape
        torch.Size([2, 10])
    """

    def __init__(self, *, width: Width = 16, norm: Literal["instance", "none"] = "instance") -> None:
        self.width = width
        self.norm = norm

    def build_body(self, shape: tuple[int, ...]) -> nn.Module:
        """See :class:`Architecture`."""
        if len(shape) != 4 or min(shape[2:]) < 8:
            raise UserError(
                "FramesNetwork needs videos (frames, channels, height, width) of 8 pixels or more, not inputs of shape "
                f"{tuple(shape)}; choose ConvNet for images"
            )
        flat: list[nn.Module] = []
        channels, columns = shape[1], shape[3]
        for _ in range(2):
            flat += [nn.Conv2d(channels, self.width, 3, padding=1), *self._normed(self.width, 4), AvgPoolPairs(columns)]
            channels, columns = self.width, columns // 2
        deep: list[nn.Module] = []
        frames, height = shape[0], shape[2] // 4
        for _ in range(2):
            pool = (min(2, frames), min(2, height), min(2, columns))
            norm = self._normed(2 * self.width, frames * height * columns)
            deep += [nn.Conv3d(channels, 2 * self.width, 3, padding=1), *norm, nn.AvgPool3d(pool)]
            channels = 2 * self.width
            frames, height, columns = (size // step for size, step in zip((frames, height, columns), pool, strict=True))
        return nn.Sequential(_Frames(nn.Sequential(*flat)), *deep, nn.Flatten())

    def _normed(self, channels: int, places: int) -> list[nn.Module]:
        # A single place less its mean is nothing.
        norm = [nn.GroupNorm(channels, channels)] if self.norm == "instance" and places > 1 else []
        return [*norm, nn.ReLU()]
