"""Tiny sets, series and the reference implementation's network and inputs."""

import math

import torch
from datasets import Dataset

from hf_distill.data import SeriesData
from hf_distill.networks import ConvNet
from hf_distill.networks.forecasters import DLinear
from hf_distill.pools import FreshNetworks, Snapshots, TrainedOnSet
from hf_distill.synthetic import HarmonicSet, PixelSet


def wave(*shape, phase):
    return torch.sin(0.37 * torch.arange(math.prod(shape), dtype=torch.float64) + phase).float().reshape(shape)


def filled_convnet(width=32, depth=3, shape=(1, 28, 28)):
    """The network of the reference values, with weights that anyone can rebuild."""
    network = ConvNet(width=width, depth=depth).build(shape, 10, 0)
    with torch.no_grad():
        for k, (name, p) in enumerate(network.named_parameters()):
            values = torch.cos(0.11 * torch.arange(p.numel(), dtype=torch.float64) + k) * (0.05 if p.dim() > 1 else 0.1)
            p.copy_(values.float().reshape(p.shape) + (1.0 if p.dim() == 1 and "weight" in name else 0.0))
    return network


LINEAR = DLinear(kernel=3)
TINY = ConvNet(width=4, depth=1)


def fresh(network=LINEAR):
    return FreshNetworks(network=network)


def bank(network=LINEAR, **options):
    """Two trainings with two snapshots each."""
    return Snapshots(network=network, **{"count": 2, "steps": 4, "every": 2} | options)


def trained(*networks, **options):
    """Two networks of each kind, replaced after three turns."""
    return TrainedOnSet(networks=list(networks), **{"steps": 2, "lifetime": 6, "size": 2, "batch": 4} | options)


def small_series(channels=2, rows=120, **options):
    noise = torch.randn(rows, channels, generator=torch.Generator().manual_seed(0)).cumsum(0)
    columns = {f"c{place}": noise[:, place].tolist() for place in range(channels)}
    options = {"lookback": 6, "horizon": 3, "splits": [rows - 40, rows - 20, rows]} | options
    return SeriesData.from_dataset(Dataset.from_dict(columns), **options).setup()


def harmonic_set(real, start=0, length=20, cls=HarmonicSet, **kwargs):
    synthetic = cls(length=length, **kwargs)
    synthetic.initialize(real.train.values[start : start + length], torch.arange(length), real.spec)
    return synthetic


def pixel_set(real, per_class=1):
    synthetic = PixelSet(per_class=per_class)
    batch = real.sample(list(range(real.spec.num_classes)), per_class, torch.Generator().manual_seed(0))
    synthetic.initialize(batch.x, batch.y, real.spec)
    return synthetic
