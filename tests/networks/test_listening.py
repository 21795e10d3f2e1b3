from __future__ import annotations

import numpy as np
import pytest
import torch

from hf_distill.errors import UserError
from hf_distill.networks import MLP, ConvNet, MelNetwork
from hf_distill.networks.mel import LogMel, edges, frame_count, mel_filters, to_hertz, to_mel
from tests.hub.conftest import audio_spec

audio_utils = pytest.importorskip("transformers.audio_utils")


def sounds(count=3, length=1600, dtype=torch.float32):
    return torch.randn(count, length, generator=torch.Generator().manual_seed(0), dtype=dtype)


@pytest.mark.parametrize(("bands", "window", "rate"), [(32, 256, 8000), (80, 400, 16000), (20, 512, 22050)])
def test_filters_are_those_of_transformers(bands, window, rate):
    known = audio_utils.mel_filter_bank(window // 2 + 1, bands, 0.0, rate / 2, rate)
    np.testing.assert_allclose(mel_filters(bands, window, rate), known, atol=1e-12)


def test_power_is_that_of_transformers():
    ear = LogMel(1600, 8000, bands=16, frames=20)
    for sound, found in zip(sounds(), ear.power(sounds()), strict=True):
        known = audio_utils.spectrogram(
            sound.numpy(),
            audio_utils.window_function(256, "hann"),
            frame_length=256,
            hop_length=80,
            power=2.0,
            pad_mode="constant",
            mel_filters=mel_filters(16, 256, 8000),
        )
        np.testing.assert_allclose(found.numpy(), known[:, :20], rtol=2e-4)


def test_the_logarithm_is_cut_below_the_loudest_place():
    ear = LogMel(1600, 8000, bands=16, frames=20, span=40)
    decibels = 10 * ear.power(sounds()).log10()
    loudest = decibels.amax((1, 2), keepdim=True)
    torch.testing.assert_close(ear(sounds())[:, 0], 2 + (decibels - loudest).clamp_min(-40) / 10)
    quiet = torch.zeros(1, 1600)
    quiet[:, :100] = sounds(1)[:, :100]
    assert ear(quiet).min() == -2 and ear(quiet).max() == 2


def test_loudness_does_not_matter_and_silence_is_silent():
    ear = LogMel(1600, 8000)
    torch.testing.assert_close(ear(sounds() * 7), ear(sounds()), atol=1e-4, rtol=0)
    assert torch.equal(ear(torch.zeros(1, 1600)), torch.full((1, 1, 32, 16), -2.0))


def test_a_tone_is_heard_in_its_band_and_frame():
    ear = LogMel(4000, 8000, bands=20, frames=25)
    tone = np.sin(2 * np.pi * edges(20, 8000)[1 + 12] * np.arange(4000) / 8000)
    tone[:2000] = 0
    heard = ear(torch.from_numpy(tone).float()[None])[0, 0]
    assert heard.argmax(0)[14:].eq(12).all() and heard[:, :11].eq(-2).all()


def test_any_length_and_number_of_frames():
    for length, frames in [(1600, None), (1601, 20), (999, 7), (100, 32)]:
        ear = LogMel(length, 8000, frames=frames)
        heard = ear(sounds(2, length))
        assert heard.shape == (2, 1, 32, frames or frame_count(length, 8000)) and heard.isfinite().all()
    assert frame_count(5120, 8000) == 32 and frame_count(10, 8000) == 8


def test_gradients_of_any_order():
    ear = LogMel(64, 1000, bands=4, frames=4, span=100)
    x = sounds(2, 64, torch.float64).requires_grad_()
    assert torch.autograd.gradcheck(ear, (x,)) and torch.autograd.gradgradcheck(ear, (x,))


def test_a_stack_of_networks_is_one_call():
    networks = [
        MelNetwork(sampling_rate=8000, network=ConvNet(width=4)).build((1600,), 3, seed).eval() for seed in (0, 1)
    ]
    parameters, buffers = torch.func.stack_module_state(networks)
    x = torch.stack([sounds(), sounds() + 1])
    both = torch.vmap(lambda p, b, x: torch.func.functional_call(networks[0], (p, b), (x,)))(parameters, buffers, x)
    torch.testing.assert_close(both, torch.stack([n(own) for n, own in zip(networks, x, strict=True)]))


def test_mel_scale_and_its_inverse():
    assert abs(float(to_mel(1000.0)) - 1000) < 0.1  # what the scale is made for
    np.testing.assert_allclose(to_hertz(to_mel(np.array([0.0, 440.0, 4000.0]))), [0, 440, 4000], atol=1e-9)


def test_network_of_any_architecture():
    network = MelNetwork(sampling_rate=8000, network=MLP(), bands=8, frames=8).build((800,), 5, seed=0).eval()
    assert network(sounds(2, 800)).shape == (2, 5) and network.features(sounds(2, 800)).dim() == 2
    assert MelNetwork(sampling_rate=8000, network=MLP()).label == "MelMLP"


def test_the_data_say_the_sampling_rate():
    network = MelNetwork(network=MLP(width=4), bands=8, frames=8)
    one, two = (network.build_for(audio_spec(800, rate), seed=0) for rate in (8000, 4000))
    assert one.body[0].width == 256 and two.body[0].width == 128 and network.sampling_rate is None
    assert one.head.out_features == 2


def test_errors():
    with pytest.raises(UserError, match="MelNetwork needs the sampling rate of the sounds: give sampling_rate, or"):
        MelNetwork().build((800,), 2, seed=0)
    with pytest.raises(UserError, match=r"hears sounds .samples,., not inputs of shape .1, 8, 8.; choose ConvNet"):
        MelNetwork(sampling_rate=8000).build((1, 8, 8), 2, seed=0)
    with pytest.raises(UserError, match="a window of 256 samples at 8000 Hz holds no frequency of band 0"):
        MelNetwork(sampling_rate=8000, bands=200).build((800,), 2, seed=0)
    with pytest.raises(UserError, match="sounds of 800 samples, not inputs of shape"):
        MelNetwork(sampling_rate=8000, network=ConvNet(depth=1, width=2)).build((800,), 2, seed=0)(sounds(2, 900))
