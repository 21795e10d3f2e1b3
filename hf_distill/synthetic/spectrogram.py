"""SpectrogramSet: sounds stored as mel spectrograms, made audible by tones when they are read."""

from __future__ import annotations

import math
from typing import Annotated, Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from hf_distill.data.batch import Batch
from hf_distill.data.spec import DataSpec
from hf_distill.decode import waves
from hf_distill.errors import UserError
from hf_distill.labels.base import Labels
from hf_distill.labels.weights import Weights
from hf_distill.networks.mel import LogMel, edges, frame_count
from hf_distill.options import PositiveInt, Range
from hf_distill.synthetic.pixel import PixelSet

# Rounds in which the first amplitudes are fitted, and the least power that is told apart from silence.
_ROUNDS, _TINY = 20, 1e-10
# Seconds of a tone from which is heard what it gives to each band.
_PROBE = 0.25


class SpectrogramSet(PixelSet):
    """Sounds of a few numbers each: the levels of tones, one in the middle of each band of the mel scale, in time.

    ``x(t) = sum_b exp(c_b(t)) sin(2 pi f_b t + phi_b)``: the levels ``c`` are stored at some frames, and amplitudes are
    linear between them. It is a vocoder with fixed tones: what a network hears in the bands of a spectrogram, and what
    people understand of speech, is kept; the phases are not. A frame of 32 bands takes 32 numbers instead of 160
    samples, and the gradient of the sound that is published goes to them: no phases have to be guessed afterwards.

    Source: after the channel vocoder (Dudley, 1939), and the sine-wave speech of Remez et al. (Science, 1981).

    Args:
        per_class: Samples of each class.
        bands: Tones, at the centres of so many bands of the mel scale.
        frames: Places in time at which levels are stored; null for a multiple of 8 that are 20 ms apart or less.
        span: Decibels below the loudest place of a sound at which levels are cut when it is taken up.
        labels: See :class:`PixelSet`.
        weights: See :class:`PixelSet`.

    Examples:
        In YAML:

            method:
              class_path: OptimizedDistillation
              init_args:
                synthetic: {class_path: SpectrogramSet, init_args: {per_class: 1, bands: 16, frames: 32}}
    """

    rise: Tensor
    fall: Tensor

    def __init__(
        self,
        *,
        per_class: PositiveInt = 10,
        bands: Annotated[int, Range(2, 512)] = 32,
        frames: PositiveInt | None = None,
        span: Annotated[float, Range(1, 200)] = 40.0,
        labels: Labels | None = None,
        weights: Weights | None = None,
    ) -> None:
        super().__init__(per_class=per_class, clip=False, labels=labels, weights=weights)
        self.bands = bands
        self.frames = frames
        self.span = span

    def _facts(self, spec: DataSpec) -> tuple[int, int, int]:
        """Return sampling rate, frames and samples from one frame to the next.

        Raises:
            UserError: The data are no sounds.
        """
        if spec.kind != "audio":
            raise UserError("SpectrogramSet holds sounds; use PixelSet for images and VectorSet for vectors")
        rate, length = int(spec.about["sampling_rate"]), spec.shape[0]
        frames = min(frame_count(length, rate), length) if self.frames is None else self.frames
        if frames > length:
            raise UserError(f"synthetic.frames is {frames}, and a sound has {length} samples: take fewer")
        return rate, frames, math.ceil(length / frames)

    def stored_shape(self, spec: DataSpec) -> tuple[int, ...]:
        """See :class:`PixelSet`."""
        return (self.bands, self._facts(spec)[1])

    def initialize(self, x: Tensor, y: Tensor, spec: DataSpec, w: Tensor | None = None) -> None:
        """See :class:`Synthetic`; sounds are listened to, stored levels are taken as they are."""
        rate, frames, hop = self._facts(spec)
        tones = torch.from_numpy(waves(frequencies(self.bands, rate), frames, hop, rate)).to(x)
        share = (torch.arange(hop, device=x.device) / hop).to(x)
        self.register_buffer("fall", tones * (1 - share))
        self.register_buffer("rise", tones * share)
        heard = x if x.dim() == 3 else self._heard(x, rate, frames)
        super().initialize(heard, y, spec, w)

    @torch.no_grad()
    def _heard(self, x: Tensor, rate: int, frames: int) -> Tensor:
        """Return the levels ``(M, bands, frames)`` whose tones come closest to sounds ``(M, T)`` in their bands."""
        power = LogMel(x.shape[1], rate, self.bands, frames).to(x.device).power(x).clamp_min(_TINY)
        # What a tone of amplitude one gives to every band, from the middle of a longer one.
        length = round(_PROBE * rate)
        tones = torch.from_numpy(waves(frequencies(self.bands, rate), 1, length, rate)).to(x)[0]
        given = LogMel(length, rate, self.bands, 9).to(x.device).power(tones)[..., 4].T  # (bands heard, tones)
        squares = power / given.diagonal()[:, None]
        for _ in range(_ROUNDS):  # Richardson and Lucy's: stays positive
            squares = squares * (given.T @ (power / (given @ squares).clamp_min(_TINY))) / given.sum(0)[:, None]
        level = 0.5 * squares.clamp_min(_TINY).log()
        return level.maximum(level.amax((1, 2), keepdim=True) - self.span * math.log(10) / 20)

    def decode(self, codes: dict[str, Tensor]) -> Batch:
        """See :class:`Synthetic`."""
        amplitudes = codes["pixels"].exp().permute(2, 0, 1)  # (frames, M, bands)
        sound = amplitudes @ self.fall + F.pad(amplitudes[1:] @ self.rise[:-1], (0, 0, 0, 0, 0, 1))
        return self.labelled(sound.transpose(0, 1).flatten(1)[:, : self.spec.shape[0]], codes)

    def reading(self) -> dict[str, Any]:
        """See :class:`Synthetic`."""
        rate, _, hop = self._facts(self.spec)
        tones = frequencies(self.bands, rate).tolist()
        return {"inputs": "tones", "tones": tones, "hop": hop, "sampling_rate": rate, "samples": self.spec.shape[0]}


def frequencies(bands: int, sampling_rate: int) -> np.ndarray:
    """Return where the bands of the mel scale peak, in Hz."""
    return edges(bands, sampling_rate)[1:-1]
