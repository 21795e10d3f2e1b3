import pytest
import torch

from hf_distill.data import RealData
from hf_distill.errors import UserError
from hf_distill.features import MelFeatures
from hf_distill.initialization import RealSamples
from hf_distill.networks.mel import LogMel
from hf_distill.seeding import Streams
from hf_distill.selection import KMeansSelector
from tests.data.sounds import tones


def test_features_are_the_spectrogram():
    real = tones()
    x = real.train.batch(torch.arange(4)).x
    found = MelFeatures(bands=8, frames=8).fit(real).of(x)
    assert torch.equal(found, LogMel(800, 8000, 8, 8)(x).flatten(1))


def test_samples_are_chosen_by_what_is_heard():
    real = tones()
    initial = RealSamples(selector=KMeansSelector(), features=MelFeatures(bands=8, frames=8))
    batch = initial.draw(real, 2, Streams(0))
    assert batch.x.shape == (4, 800) and batch.y.tolist() == [0, 0, 1, 1]


def test_other_data_are_refused():
    with pytest.raises(UserError, match="choose PixelFeatures for these data"):
        MelFeatures().fit(RealData(path="digits").setup())
