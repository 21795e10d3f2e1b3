"""MelFeatures: sounds as their log-mel spectrograms."""

from __future__ import annotations

from typing import Annotated

import torch

from hf_distill.data.real import RealData
from hf_distill.data.spec import DataSpec
from hf_distill.errors import UserError
from hf_distill.features.base import Extractor, Features
from hf_distill.networks.base import Architecture
from hf_distill.networks.mel import WINDOW, LogMel
from hf_distill.options import PositiveInt, Range


class MelFeatures(Extractor):
    """The levels of the bands of the mel scale, frame by frame, in a row: what is alike in it sounds alike.

    Two recordings of one word differ in nearly all of their samples; here distances mean something.

    Args:
        bands: Bands of the mel scale.
        frames: Frames; null for a multiple of 8 that are 20 ms apart or less.
        window: Seconds that a frame looks at.
        span: Decibels between the loudest and the faintest that is told apart from silence.

    Examples:
        In YAML:

            method:
              class_path: Coreset
              init_args:
                per_class: 10
                selector: KMeansSelector
                features: {class_path: MelFeatures, init_args: {bands: 32}}
    """

    def __init__(
        self,
        *,
        bands: Annotated[int, Range(2, 512)] = 32,
        frames: PositiveInt | None = None,
        window: Annotated[float, Range(1e-4, 10)] = WINDOW,
        span: Annotated[float, Range(1, 200)] = 40.0,
    ) -> None:
        self.bands = bands
        self.frames = frames
        self.window = window
        self.span = span

    def fit(
        self,
        real: RealData,
        *,
        spec: DataSpec | None = None,
        network: Architecture | None = None,
        device: torch.device | None = None,
    ) -> Features:
        """See :class:`Extractor`."""
        spec = spec or real.spec
        if spec.kind != "audio":
            raise UserError("MelFeatures listens to sounds: choose PixelFeatures for these data")
        rate = int(spec.about["sampling_rate"])
        ear = LogMel(spec.shape[0], rate, self.bands, self.frames, self.window, self.span)
        return Features(lambda x: ear(x).flatten(1), spec, device or real.train.device)
