from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from hf_distill.decode import waves
from hf_distill.errors import UserError
from hf_distill.networks.mel import LogMel, edges
from hf_distill.quantization import Budget, LearnedLevels
from hf_distill.synthetic import QuantizedSet, SpectrogramSet
from tests.hub.conftest import audio_spec, image_spec
from tests.synthetic.quantized import read

LABELS = torch.tensor([0, 1])


def noises(length=4000):
    """Two sounds of noise that swells and fades in a low and in a high part of the spectrum."""
    noise = torch.randn(2, length, generator=torch.Generator().manual_seed(0))
    spectrum = torch.fft.rfft(noise)
    place = torch.arange(spectrum.shape[1]) / spectrum.shape[1]
    part = torch.stack([(place > 0.05) & (place < 0.3), (place > 0.4) & (place < 0.8)])
    swell = torch.sin(math.pi * torch.arange(length) / length)
    return torch.fft.irfft(spectrum * part, length) * torch.stack([swell, swell.flip(0) ** 2])


def made(x=None, **options):
    synthetic = SpectrogramSet(per_class=1, **options)
    x = noises() if x is None else x
    synthetic.initialize(x, LABELS, audio_spec(4000))
    return synthetic


def test_a_level_is_the_amplitude_of_a_tone_and_frames_are_joined_by_lines():
    synthetic = SpectrogramSet(per_class=1, bands=2, frames=4)
    levels = torch.full((2, 2, 4), -100.0)
    levels[0, 1] = torch.tensor([1.0, 3.0, 2.0, 2.0]).log()
    synthetic.initialize(levels, LABELS, audio_spec(40))
    time = np.arange(40)
    # The second of two tones is half as many turns further as there are tones, over four.
    tone = np.sin(2 * np.pi * (edges(2, 8000)[2] * time / 8000 + 1 / 4))
    amplitude = np.interp(time, [0, 10, 20, 30, 40], [1, 3, 2, 2, 0])
    np.testing.assert_allclose(synthetic().x[0].detach(), amplitude * tone, atol=1e-5)
    assert synthetic().x[1].abs().max() < 1e-30
    assert np.abs(waves(edges(32, 8000)[1:-1], 8, 100, 8000).sum(1)).max() < 16  # of 32 in equal phases


@pytest.mark.parametrize("bands", [16, 32])
def test_what_a_network_hears_is_kept(bands):
    ear = LogMel(4000, 8000, bands)
    heard, again = ear(noises()), ear(made(bands=bands)().x.detach())
    error = (heard - again).square().mean().sqrt() * 10
    assert error < 4 < 10 < 10 * heard.std()  # decibels
    assert torch.corrcoef(torch.stack([heard.flatten(), again.flatten()]))[0, 1] > 0.95


def test_levels_are_cut_below_the_loudest():
    levels = made(span=20).pixels
    torch.testing.assert_close(levels.amin((1, 2)), levels.amax((1, 2)) - math.log(10))


def test_sizes():
    spec = audio_spec(5120)
    assert SpectrogramSet().shapes(spec, 3) == {"pixels": (6, 32, 32)}
    assert SpectrogramSet(bands=16, frames=20).shapes(spec, 1) == {"pixels": (2, 16, 20)}
    # 16 x 16 values x 2 bits x 2 classes x 5 samples, 16 bits for the labels and 64 for the levels
    set_ = SpectrogramSet(bands=16, frames=16)
    quantized = QuantizedSet(synthetic=set_, quantizer=LearnedLevels(), budget=Budget(total_bytes=650))
    quantized.planner().plan(spec)
    assert quantized.size == 5


def test_the_documented_decoder_plays_it():
    plain = made(frames=13)
    quantized = QuantizedSet(synthetic=SpectrogramSet(frames=13), quantizer=LearnedLevels())
    quantized.initialize(noises(), LABELS, audio_spec(4000))
    for own in (plain, quantized):
        x, y, w = read(own.pack(), audio_spec(4000))
        assert x.dtype == np.float32 and x.shape == (2, 4000)
        assert np.abs(x - own().x.detach().numpy()).max() < 1e-4 * np.abs(x).max()
        assert y.tolist() == [0, 1] and w.tolist() == [1, 1]


def test_levels_learn_from_what_is_heard():
    synthetic = made()
    wanted = LogMel(4000, 8000)(noises().flip(0))
    optimizer = torch.optim.Adam(synthetic.parameters(), 0.1)
    losses = []
    for _ in range(15):
        loss = (LogMel(4000, 8000)(synthetic().x) - wanted).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] / 2


def test_mistakes():
    with pytest.raises(UserError, match="SpectrogramSet holds sounds; use PixelSet for images"):
        SpectrogramSet().shapes(image_spec(), 1)
    with pytest.raises(UserError, match=r"synthetic.frames is 900, and a sound has 800 samples"):
        SpectrogramSet(frames=900).shapes(audio_spec(), 1)
