"""Objectives give the terms and gradients that they gave when they were recorded: a refactoring changes no draw."""

import json
from pathlib import Path

import pytest
import torch

from hf_distill.data import RealData
from hf_distill.networks.forecasters import ITransformer, RevMix, RevMLP
from hf_distill.objectives import (
    CondTSF,
    DistributionMatching,
    GradientMatching,
    HarmonicMatching,
    TrajectoryMatching,
    UnrolledMatching,
)
from hf_distill.pools import PretrainedNetworks
from hf_distill.seeding import Streams
from tests.objectives.sets import LINEAR, TINY, bank, fresh, harmonic_set, pixel_set, small_series, trained

RECORDED = json.loads((Path(__file__).parent / "recorded.json").read_text())
SERIES = {
    "gradient, fresh": lambda: GradientMatching(pool=fresh(RevMLP(width=4)), real_batch=8),
    "gradient, snapshots": lambda: GradientMatching(pool=bank(), real_batch=8),
    "trajectory, fresh": lambda: TrajectoryMatching(
        pool=fresh(RevMix(width=4)), synthetic_steps=2, real_steps=2, batch=4, real_batch=4
    ),
    "trajectory, snapshots": lambda: TrajectoryMatching(pool=bank(), pieces=False, real_batch=8),
    "harmonic, snapshots": lambda: HarmonicMatching(k=4, trajectory=TrajectoryMatching(pool=bank())),
    "unrolled": lambda: UnrolledMatching(pool=trained(LINEAR, RevMLP(width=4), RevMix(width=4)), real_batch=8),
    "unrolled, dropout": lambda: UnrolledMatching(pool=trained(ITransformer(width=8, hidden=8, heads=2)), real_batch=8),
    "condtsf": lambda: CondTSF(
        objective=TrajectoryMatching(pool=fresh()),
        pool=PretrainedNetworks(network=LINEAR, steps=20),
        every=2,
        beta=0.5,
    ),
}
IMAGES = {
    "gradient, images, snapshots": lambda: GradientMatching(pool=bank(TINY), real_batch=8),
    "trajectory, images, snapshots": lambda: TrajectoryMatching(pool=bank(TINY), real_batch=8, synthetic_steps=2),
    "unrolled, images": lambda: UnrolledMatching(
        pool=trained(TINY, optimizer="sgd"), normalize_gradients=False, real_batch=8
    ),
    "distribution": lambda: DistributionMatching(
        pool=fresh(TINY), real_per_class=8, views=2, reuse=2, normalize=True, discrimination=1.0
    ),
    "distribution, cells": lambda: DistributionMatching(pool=fresh(TINY), real_per_class=8, cell_size=2),
}


@pytest.mark.parametrize("name", [name for name in RECORDED if name != "about"])
def test_terms_and_gradients(name):
    if name in SERIES:
        objective, real = SERIES[name](), small_series()
        synthetic = harmonic_set(real)
    else:
        objective, real = IMAGES[name](), RealData().setup()
        synthetic = pixel_set(real, 4 if "cells" in name else 1)
    objective.prepare(synthetic, real, len(RECORDED[name]))
    for step, expected in enumerate(RECORDED[name]):
        synthetic.zero_grad()
        terms = objective(synthetic, real, Streams(3, step=step))
        torch.stack(list(terms.values())).sum().backward()
        length = torch.cat([p.grad.flatten() for p in synthetic.parameters()]).norm()
        found = [*(term.item() for term in terms.values()), length.item()]
        assert found == pytest.approx(expected, rel=1e-3), f"step {step}"
        objective.on_step_end(synthetic)


def test_everything_is_recorded():
    assert SERIES.keys() | IMAGES.keys() == RECORDED.keys() - {"about"}
