import pytest
import torch

from hf_distill.augment import SiameseAugment
from hf_distill.data import RealData
from hf_distill.errors import UserError
from hf_distill.labels import DenseLabels
from hf_distill.networks import MLP
from hf_distill.objectives import TrajectoryMatching
from hf_distill.seeding import Streams
from hf_distill.synthetic import PixelSet, SeriesSet
from tests.objectives.sets import TINY, bank, fresh, harmonic_set, pixel_set, small_series


@pytest.mark.parametrize("batch", [0, 5])
@pytest.mark.parametrize("pool", [fresh, bank])
def test_a_set_that_equals_the_piece_has_no_loss(batch, pool):
    real = small_series()
    piece = real.train.values[7:27]
    synthetic = harmonic_set(real, start=7, cls=SeriesSet)
    options = {"synthetic_steps": 3, "real_steps": 3, "batch": batch, "real_batch": batch}
    objective = TrajectoryMatching(pool=pool(), lr=0.1, **options)
    loss = objective.match(synthetic, synthetic(), piece, real, Streams(3))
    loss.backward()
    assert loss.item() == 0 and synthetic.values.grad.abs().max() == 0
    # A set that does not move the network is one length of the real trajectory away.
    with torch.no_grad():
        synthetic.values += 1
    assert objective.match(synthetic, synthetic(), piece, real, Streams(3)).item() > 0


def test_no_step_is_a_distance_of_one():
    real = small_series()
    synthetic = harmonic_set(real)
    objective = TrajectoryMatching(pool=fresh())
    objective.synthetic_steps = 0
    assert objective(synthetic, real, Streams(0))["trajectory"].item() == pytest.approx(1, rel=1e-4)


def test_images():
    real = RealData().setup()
    synthetic = pixel_set(real)
    objective = TrajectoryMatching(pool=fresh(TINY), real_batch=20, synthetic_steps=2)
    objective(synthetic, real, Streams(0))["trajectory"].backward()
    assert synthetic.pixels.grad.abs().sum() > 0


def test_networks_of_the_other_modality():
    real = small_series()
    with pytest.raises(UserError, match="MLP does not forecast"):
        TrajectoryMatching(pool=fresh(MLP()))(harmonic_set(real), real, Streams(0))
    images = RealData().setup()
    with pytest.raises(UserError, match="DLinear does not classify"):
        TrajectoryMatching(pool=fresh())(pixel_set(images), images, Streams(0))


def test_the_real_side_may_come_from_the_whole_series():
    real = small_series()
    synthetic = harmonic_set(real)
    options = {"pool": fresh(), "real_batch": 5}
    cut, whole = (TrajectoryMatching(pieces=pieces, **options) for pieces in (True, False))
    assert (
        whole(synthetic, real, Streams(0))["trajectory"].item() != cut(synthetic, real, Streams(0))["trajectory"].item()
    )
    same = whole.match(synthetic, synthetic(), None, real, Streams(0))
    assert whole(synthetic, real, Streams(0))["trajectory"].item() == same.item()


@pytest.mark.parametrize("batch", [0, 7])
def test_constant_memory_has_the_gradient_of_the_graph(batch):
    """In the pixels, in soft labels and in the rate, under augmentation."""
    real = RealData().setup()
    found = {}
    for memory in ("graph", "constant", "tesla"):
        synthetic = PixelSet(per_class=1, labels=DenseLabels(stored="logits"))
        drawn = real.sample(list(range(10)), 1, torch.Generator().manual_seed(0))
        synthetic.initialize(drawn.x, drawn.y, real.spec)
        objective = TrajectoryMatching(
            pool=fresh(TINY),
            synthetic_steps=4,
            lr=0.5,
            lr_lr=0.1,
            batch=batch,
            augment=SiameseAugment(),
            memory=memory,
        )
        loss = objective(synthetic, real, Streams(0))["trajectory"]
        loss.backward()
        found[memory] = loss.detach(), *(p.grad for p in (*synthetic.parameters(), *objective.parameters()))
    assert len(found["graph"]) == 4
    for expected, own, other in zip(*found.values(), strict=True):
        assert torch.allclose(own, expected, rtol=1e-4, atol=1e-7)
        assert other.dim() == 0 or not torch.allclose(other, expected, rtol=1e-2)


@pytest.mark.parametrize("memory", ["graph", "constant"])
def test_a_set_that_leads_away_is_skipped(memory):
    real = small_series()
    synthetic = harmonic_set(real)
    options = {"pool": fresh(), "memory": memory, "synthetic_steps": 2}
    plain = TrajectoryMatching(**options)(synthetic, real, Streams(0))["trajectory"]
    for limit, moved in ((plain.item() * 0.99, False), (plain.item() * 1.01, True)):
        synthetic.zero_grad()
        term = TrajectoryMatching(skip_above=limit, **options)(synthetic, real, Streams(0))["trajectory"]
        assert term.item() == plain.item()
        term.backward()
        assert bool(synthetic.real.grad.abs().sum() > 0) is moved
