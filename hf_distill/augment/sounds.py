"""SoundAugment: differentiable augmentation that is the same for real and synthetic sounds."""

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

_NAMES = ("shift", "gain", "speed", "time", "frequency")
_ONE = f"({'|'.join(_NAMES)})"
_STRATEGY = Like(f"{_ONE}(_{_ONE})*", f"some of {', '.join(_NAMES)}, joined by _")
# Octaves between the middle of a removed band and the ends of the spectrum: low ones matter as much as high ones.
_OCTAVES = 5


class SoundAugment(Augment):
    """Siamese augmentation of waveforms: what :class:`SiameseAugment` is for images.

    ``shift`` moves a sound in time, ``gain`` makes it louder or softer, ``speed`` plays it faster or slower, ``time``
    silences a part of it and ``frequency`` removes a part of its spectrum, the two masks of SpecAugment (Park et al.,
    Interspeech 2019) made on the waveform, so that whatever network may listen. What enters is silence. A strength of
    zero (``speed`` of one) leaves sounds as they are.

    Args:
        strategy: Operations to draw from, joined by ``_``: any of ``shift gain speed time frequency``.
        mode: ``S`` draws one operation per call, ``M`` applies all of them in the order of ``strategy``.
        shift: Shift by at most this share of the length.
        gain: Decibels, uniform in ``± gain``.
        speed: Factor, uniform in its logarithm between ``1 / speed`` and ``speed``; the middle stays where it is.
        time: Longest part that is silenced, as a share of the length.
        frequency: Widest part of the spectrum that is removed, as a share of its octaves.

    Examples:
        >>> import torch
        >>> from hf_distill import SoundAugment
        >>> augment, sounds = SoundAugment(strategy="gain"), torch.ones(2, 800)
        >>> augment.apply(sounds, augment.sample(torch.Generator().manual_seed(0))).shape
        torch.Size([2, 800])
    """

    kinds = ("audio",)
    noun = "sounds"
    citation = """@inproceedings{park2019specaugment,
  title = {SpecAugment: A Simple Data Augmentation Method for Automatic Speech Recognition},
  author = {Park, Daniel S. and Chan, William and Zhang, Yu and Chiu, Chung-Cheng and Zoph, Barret and
    Cubuk, Ekin D. and Le, Quoc V.},
  booktitle = {Interspeech},
  year = {2019}
}"""

    def __init__(
        self,
        *,
        strategy: Annotated[str, _STRATEGY] = "shift_gain_speed_time_frequency",
        mode: Literal["S", "M"] = "S",
        shift: Share = 0.125,
        gain: Annotated[float, Range(0, 100)] = 6.0,
        speed: Annotated[float, Range(1, 4)] = 1.15,
        time: Share = 0.25,
        frequency: Share = 0.25,
    ) -> None:
        self.strategy = strategy
        self.mode = mode
        self.shift = shift
        self.gain = gain
        self.speed = speed
        self.time = time
        self.frequency = frequency

    @property
    def operations(self) -> tuple[str, ...]:
        """The operations of ``strategy``."""
        return tuple(self.strategy.split("_"))

    def sample(self, generator: torch.Generator, count: int | None = None) -> AugmentParams:
        """Draw parameters; see :meth:`SiameseAugment.sample`."""
        names = self.operations
        if self.mode == "S":
            names = (names[int(torch.randint(len(names), (1,), generator=generator))],)
        # Every operation draws equally many numbers: the stream does not depend on which one was drawn.
        return AugmentParams(tuple((name, torch.rand(count or 1, 3, generator=generator)) for name in names))

    def apply(self, x: Tensor, params: AugmentParams) -> Tensor:
        """Augment sounds ``(B, T)``, differentiably; same shape and type.

        Args:
            x: Sounds in the networks' units.
            params: From :meth:`sample`, with one row, or one row a sound.
        """
        if x.dim() != 2:
            raise UserError(
                f"SoundAugment works on sounds (batch, samples), not on inputs of shape {tuple(x.shape)}; choose "
                "SiameseAugment for images, or set augment to null"
            )
        for name, draws in params.draws:
            x = OPERATIONS[name](self, x, draws.to(x.device, x.dtype))
        return x

    def _shift(self, x: Tensor, u: Tensor) -> Tensor:
        most = int(x.shape[1] * self.shift + 0.5)
        moved = (u[:, 0] * (2 * most + 1)).long() - most
        if len(u) == 1:
            # One shift for all: pad by it (negative padding crops).
            return F.pad(x, (-int(moved), int(moved)))
        place = torch.arange(x.shape[1], device=x.device) + moved[:, None]
        inside = (place >= 0) & (place < x.shape[1])
        return x.gather(1, place.clamp(0, x.shape[1] - 1)) * inside.to(x.dtype)

    def _gain(self, x: Tensor, u: Tensor) -> Tensor:
        return x * 10 ** ((2 * u[:, :1] - 1) * (self.gain / 20))

    def _speed(self, x: Tensor, u: Tensor) -> Tensor:
        length = x.shape[1]
        factor = torch.exp((2 * u[:, :1] - 1) * math.log(self.speed))
        middle = (length - 1) / 2
        place = (torch.arange(length, device=x.device, dtype=x.dtype) - middle) * factor + middle
        left = place.floor()
        share, before = place - left, left.long()
        found = [_at(x, index) for index in (before, before + 1)]
        return found[0] * (1 - share) + found[1] * share

    def _time(self, x: Tensor, u: Tensor) -> Tensor:
        width = u[:, :1] * self.time
        start = u[:, 1:2] * (1 - width)
        place = (torch.arange(x.shape[1], device=x.device, dtype=x.dtype) + 0.5) / x.shape[1]
        return x * (((place < start) | (place >= start + width)).to(x.dtype))

    def _frequency(self, x: Tensor, u: Tensor) -> Tensor:
        width = u[:, :1] * self.frequency
        start = u[:, 1:2] * (1 - width)
        bins = x.shape[1] // 2 + 1
        # In octaves below the highest frequency, and the lowest ones all alike: 0 to 1.
        octave = (torch.arange(bins, device=x.device, dtype=x.dtype) / (bins - 1)).clamp_min(2.0**-_OCTAVES).log2()
        place = octave / _OCTAVES + 1
        keep = (place < start) | (place >= start + width)
        if len(u) == 1 and len(x) > 1:
            keep = keep.expand(len(x), -1)
        return torch.fft.irfft(torch.fft.rfft(x) * keep.to(x.dtype), x.shape[1])


OPERATIONS: dict[str, Callable[[SoundAugment, Tensor, Tensor], Tensor]] = {
    "shift": SoundAugment._shift,
    "gain": SoundAugment._gain,
    "speed": SoundAugment._speed,
    "time": SoundAugment._time,
    "frequency": SoundAugment._frequency,
}
"""The operations by their names in a strategy; each takes sounds ``(B, T)`` and draws ``(B or 1, 3)``."""


def _at(x: Tensor, index: Tensor) -> Tensor:
    """Return the values of sounds ``(B, T)`` at places ``(B or 1, T)``, silence outside of them."""
    inside = (index >= 0) & (index < x.shape[1])
    place = index.clamp(0, x.shape[1] - 1)
    found = x[:, place[0]] if len(place) == 1 else x.gather(1, place)
    return found * inside.to(x.dtype)
