"""MelNetwork: an image network that listens."""

from __future__ import annotations

import copy
from typing import Annotated

from torch import nn

from hf_distill.errors import UserError
from hf_distill.networks.base import Architecture, FeatureNetwork, Inputs
from hf_distill.networks.convnet import ConvNet
from hf_distill.networks.mel import WINDOW, LogMel
from hf_distill.options import PositiveInt, Range


class MelNetwork(Architecture):
    """An image network that hears sounds: in front of it lies their log-mel spectrogram, an image of one channel.

    The spectrogram is a part of the network and has no parameters, so that what is learned of a sound has a gradient
    through it, and what enters is a plain waveform.

    Args:
        network: The network for images; null for ``ConvNet``, 3 blocks deep and 32 wide.
        sampling_rate: Of the sounds, in Hz; null for the data's.
        bands: Rows of the image, bands of the mel scale.
        frames: Its columns; null for a multiple of 8 that are 20 ms apart or less.
        window: Seconds that a column looks at.
        span: Decibels between the loudest and the faintest that is told apart from silence.

    Examples:
        >>> import torch
        >>> from hf_distill import MelNetwork
        >>> MelNetwork(sampling_rate=8000, bands=16).build((4000,), 10, seed=0)(torch.zeros(2, 4000)).shape
        torch.Size([2, 10])
    """

    def __init__(
        self,
        *,
        network: Architecture | None = None,
        sampling_rate: Annotated[int, Range(100, 1_000_000)] | None = None,
        bands: Annotated[int, Range(2, 512)] = 32,
        frames: PositiveInt | None = None,
        window: Annotated[float, Range(1e-4, 10)] = WINDOW,
        span: Annotated[float, Range(1, 200)] = 40.0,
    ) -> None:
        self.network = ConvNet(width=32) if network is None else network
        self.sampling_rate = sampling_rate
        self.bands = bands
        self.frames = frames
        self.window = window
        self.span = span

    @property
    def label(self) -> str:
        """Name in tables."""
        return f"Mel{self.network.label}"

    def build_for(self, spec: Inputs, seed: int) -> FeatureNetwork:
        """See :class:`Architecture`; the sampling rate is the data's unless it is given."""
        own = copy.copy(self)
        own.sampling_rate = self.sampling_rate or spec.about.get("sampling_rate")
        return own.build(spec.shape, spec.num_outputs, seed)

    def build_body(self, shape: tuple[int, ...]) -> nn.Module:
        """See :class:`Architecture`."""
        if len(shape) != 1:
            raise UserError(
                f"MelNetwork hears sounds (samples,), not inputs of shape {tuple(shape)}; choose {self.network.label}"
            )
        if self.sampling_rate is None:
            raise UserError("MelNetwork needs the sampling rate of the sounds: give sampling_rate, or data that say it")
        ear = LogMel(shape[0], self.sampling_rate, self.bands, self.frames, self.window, self.span)
        return nn.Sequential(ear, self.network.build_body((1, self.bands, ear.frames)))
