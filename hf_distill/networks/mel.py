"""Sounds as images: the logarithm of their power in bands of the mel scale, frame by frame."""

from __future__ import annotations

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from hf_distill.errors import UserError

# What is counted as silence, in decibels.
_SILENCE = -100.0
#: Samples of a window, in seconds: two to six periods of a voice.
WINDOW = 0.032
#: From one frame to the next, in seconds, at most.
STEP = 0.02


def to_mel(hertz: np.ndarray | float) -> np.ndarray:
    """Return places on the mel scale (O'Shaughnessy, 1987, as in HTK): equal steps sound equally wide."""
    return 2595.0 * np.log10(1.0 + np.asarray(hertz, np.float64) / 700.0)


def to_hertz(mel: np.ndarray | float) -> np.ndarray:
    """Return frequencies; the inverse of :func:`to_mel`."""
    return 700.0 * (np.power(10.0, np.asarray(mel, np.float64) / 2595.0) - 1.0)


def edges(bands: int, sampling_rate: int) -> np.ndarray:
    """Return the frequencies ``(bands + 2,)`` where bands begin, peak and end, in Hz: each is the peak of one."""
    return to_hertz(np.linspace(0.0, to_mel(sampling_rate / 2), bands + 2))


def mel_filters(bands: int, window: int, sampling_rate: int) -> np.ndarray:
    """Return triangles ``(window // 2 + 1, bands)`` that add up the power of frequencies to that of bands.

    The same numbers as ``transformers.audio_utils.mel_filter_bank`` with the HTK scale and no norm.

    Raises:
        UserError: The window is too short to tell the lowest bands apart.
    """
    frequencies = np.linspace(0, sampling_rate // 2, window // 2 + 1)
    corners = edges(bands, sampling_rate)
    slopes = corners[None, :] - frequencies[:, None]
    widths = np.diff(corners)
    filters = np.maximum(0.0, np.minimum(-slopes[:, :-2] / widths[:-1], slopes[:, 2:] / widths[1:]))
    if not filters.any(0).all():
        empty = int(np.flatnonzero(~filters.any(0))[0])
        raise UserError(
            f"bands is {bands}, and a window of {window} samples at {sampling_rate} Hz holds no frequency of band "
            f"{empty}: take fewer bands, or a longer window"
        )
    return filters


def frame_count(length: int, sampling_rate: int) -> int:
    """Return how many frames a sound of so many samples has by default: a multiple of 8, ``STEP`` apart at most."""
    return max(8, 8 * math.ceil(length / (8 * STEP * sampling_rate)))


class LogMel(nn.Module):
    """Turns sounds ``(B, T)`` into images ``(B, 1, bands, frames)``, the lowest band on top, differentiably.

    Frames are multiplied by a Hann window and transformed by Fourier; the power of the frequencies is summed to bands.
    Then ``10 log10``, cut ``span`` decibels below the loudest place of the sound, and brought to -2 ... 2. The loudness
    of a recording does not matter.

    Args:
        length: ``T``.
        sampling_rate: In Hz.
        bands: Bands of the mel scale from 0 Hz to half the sampling rate.
        frames: Frames, at equal distances from the beginning on.
        window: Their width in seconds.
        span: Decibels between the loudest and the faintest that is told apart from silence.
    """

    def __init__(
        self,
        length: int,
        sampling_rate: int,
        bands: int = 32,
        frames: int | None = None,
        window: float = WINDOW,
        span: float = 40.0,
    ) -> None:
        super().__init__()
        self.length = length
        self.frames = frame_count(length, sampling_rate) if frames is None else frames
        self.hop = math.ceil(length / self.frames)
        self.width = max(2, 2 * round(window * sampling_rate / 2))
        self.span = span
        # Plain attributes: as buffers they would be copied for every network of a stack.
        self.window = torch.hann_window(self.width)
        self.filters = torch.from_numpy(mel_filters(bands, self.width, sampling_rate)).float()

    def power(self, x: Tensor) -> Tensor:
        """Return the power of the bands ``(B, bands, frames)``.

        Raises:
            UserError: Sounds have another length.
        """
        if x.shape[-1] != self.length:
            raise UserError(
                f"the network hears sounds of {self.length} samples, not inputs of shape {tuple(x.shape[1:])}"
            )
        # A frame lies around its place; before and after the sound there is silence.
        end = (self.frames - 1) * self.hop + self.width - self.width // 2 - self.length
        framed = F.pad(x, (self.width // 2, end)).unfold(-1, self.width, self.hop)
        spectrum = torch.fft.rfft(framed * self.window.to(x))
        power = spectrum.real.square() + spectrum.imag.square()
        return (power @ self.filters.to(x)).transpose(-1, -2)

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        level = 10 * self.power(x).clamp_min(10 ** (_SILENCE / 10)).log10()
        loudest = level.amax((-1, -2), keepdim=True).clamp_min(_SILENCE + self.span)
        return ((level - loudest).clamp_min(-self.span) / (self.span / 4) + 2).unsqueeze(-3)
