import json

import pytest
import torch
from datasets import load_dataset

from hf_distill.data.batch import Batch
from hf_distill.hub import DistilledDataset
from hf_distill.initialization import InitialSamples, SubSeries
from hf_distill.methods import OptimizedDistillation, Run, Undistilled
from hf_distill.methods.pictures import amplitude
from hf_distill.networks.forecasters import DLinear, RevMLP
from hf_distill.objectives import UnrolledMatching
from hf_distill.pools import TrainedOnSet
from hf_distill.synthetic import HarmonicSet, SeriesSet
from tests.objectives.sets import small_series


def unrolled(steps=4, **synthetic):
    networks = [DLinear(kernel=3), RevMLP(width=4)]
    pool = TrainedOnSet(networks=networks, steps=2, lifetime=6, size=2, batch=4)
    objective = UnrolledMatching(pool=pool, real_batch=16)
    return OptimizedDistillation(
        synthetic=HarmonicSet(length=20, **synthetic),
        objective=objective,
        initial=SubSeries(choose="typical", candidates=4),
        steps=steps,
        optimizer="adam",
        lr=0.05,
        schedule="cosine",
    )


def test_a_distilled_series_is_published_and_read_back(tmp_path):
    real = small_series()
    run = Run(folder=tmp_path / "run", progress=False)
    method = unrolled()
    artifact = method.distill(real, run)
    artifact.save_pretrained(tmp_path / "set")
    assert (tmp_path / "run" / "previews" / "step-00000004.png").is_file()
    table = load_dataset(str(tmp_path / "set"), split="train")
    assert table.column_names == ["c0", "c1"] and len(table) == 20
    loaded = DistilledDataset.from_pretrained(tmp_path / "set")
    assert torch.allclose(loaded.x, artifact.x, atol=1e-5) and list(loaded.pictures) == ["spectrum.png"]
    assert loaded.bits["codes"].total == 20 * 2 * 32
    assert loaded.config["method"] == json.loads(json.dumps(method.config()))


class Noise(InitialSamples):
    def draw(self, real, size, streams):
        return Batch.of(torch.randn(size, 2, generator=streams.generator("noise")), torch.arange(size))


def test_unrolled_matching_lowers_the_loss_on_real_windows():
    real = small_series()
    pool = TrainedOnSet(networks=[RevMLP(width=8)], steps=5, lifetime=30, size=3, lr=0.01, batch=8)
    objective = UnrolledMatching(pool=pool, real_batch=32)
    losses = []
    for steps in (1, 60):
        method = unrolled(steps, harmonics=8)
        method.objective, method.initial = objective, Noise()
        synthetic = method.fit(real, Run(progress=False))
        assert (synthetic.kept.sum(0) == 8).all() and synthetic.real[~synthetic.kept].eq(0).all()
        network = RevMLP(width=8).build(6, 3, 2, 7)
        optimizer = torch.optim.Adam(network.parameters(), 0.01)
        decoded, generator = synthetic(), torch.Generator().manual_seed(0)
        for _ in range(30):
            batch = synthetic.view(decoded, torch.randint(synthetic.examples(decoded), (8,), generator=generator))
            optimizer.zero_grad()
            (network(batch.x.detach()) - batch.y.detach()).square().mean().backward()
            optimizer.step()
        x, y = real.train.batch(torch.arange(len(real.train)))
        losses.append((network(x) - y).square().mean().item())
    assert losses[1] < 0.9 * losses[0], losses


@pytest.mark.parametrize("cls", [SeriesSet, HarmonicSet])
def test_undistilled_is_real(cls):
    real = small_series()
    synthetic = Undistilled(synthetic=cls(length=20)).fit(real, Run(seed=3))
    pieces = real.train.values.unfold(0, 20, 1).transpose(1, 2)
    assert (pieces - synthetic().x.detach()).abs().amax((1, 2)).min() < 1e-5


def test_the_amplitude_of_a_cosine():
    wave = torch.cos(2 * torch.pi * 2 * torch.arange(8.0) / 8)[:, None]
    # sqrt(8) / 2 in bin 2; of the wave and of silence, the root of half the power.
    assert amplitude([wave, torch.zeros(8, 1)])[:, 0].tolist() == pytest.approx([0, 0, 1, 0, 0], abs=1e-6)
