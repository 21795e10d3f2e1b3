"""What every objective of the public table must do, in images and in series where it works on both."""

from __future__ import annotations

import inspect
import json

import pytest
import torch

import hf_distill
from hf_distill.augment import SiameseAugment
from hf_distill.cli.distill import build_parser
from hf_distill.data import RealData
from hf_distill.lazy import homes
from hf_distill.networks import ConvNet
from hf_distill.networks.forecasters import RevMLP
from hf_distill.objectives import (
    CondTSF,
    Curvature,
    DistributionMatching,
    GradientMatching,
    HarmonicMatching,
    KernelRegression,
    StatisticsMatching,
    TrajectoryMatching,
    UnrolledMatching,
    WeightedSum,
)
from hf_distill.pools import InterpolatedNetworks, PretrainedNetworks
from hf_distill.seeding import Streams
from hf_distill.training import Recipe, Teacher
from tests.objectives.sets import LINEAR, TINY, bank, fresh, harmonic_set, pixel_set, small_series, trained

NORMALISED = ConvNet(width=4, depth=1, norm="batch")
OBJECTIVES = [name for name, home in homes().items() if home.startswith("hf_distill.objectives.")]
# At tiny size, by the data that it works on.
IMAGES = {
    "Curvature": [lambda: Curvature(pool=trained(TINY))],
    "DistributionMatching": [
        lambda: DistributionMatching(pool=fresh(TINY), real_per_class=4, views=2, reuse=2, discrimination=1.0),
        lambda: DistributionMatching(pool=trained(TINY), real_per_class=4, cell_size=1, distance="mmd"),
        lambda: DistributionMatching(
            pool=InterpolatedNetworks(network=TINY, count=1, steps=2),
            real_per_class=4,
            distance="characteristic",
            calibration=1.0,
        ),
    ],
    "GradientMatching": [lambda: GradientMatching(pool=trained(TINY), real_batch=4, augment=SiameseAugment())],
    "KernelRegression": [
        lambda: KernelRegression(pool=trained(TINY), real_batch=20, augment=SiameseAugment()),
        lambda: KernelRegression(kernel="tangent", real_batch=20),
    ],
    "StatisticsMatching": [lambda: StatisticsMatching(teacher=Teacher(network=NORMALISED, recipe=Recipe(epochs=1)))],
    "TrajectoryMatching": [lambda: TrajectoryMatching(pool=bank(TINY), real_batch=20, lr_lr=0.1)],
    "UnrolledMatching": [lambda: UnrolledMatching(pool=trained(TINY), real_batch=20)],
    "WeightedSum": [
        lambda: WeightedSum(
            objectives=[
                DistributionMatching(pool=fresh(TINY), real_per_class=4),
                GradientMatching(pool=fresh(TINY), real_batch=4),
            ],
            normalize_gradients=True,
        )
    ],
}
SERIES = {
    "Curvature": [lambda: Curvature(pool=trained(RevMLP(width=4)))],
    "CondTSF": [
        lambda: CondTSF(
            objective=TrajectoryMatching(pool=bank()), pool=PretrainedNetworks(network=LINEAR, steps=5), every=2
        )
    ],
    "GradientMatching": [lambda: GradientMatching(pool=trained(LINEAR, RevMLP(width=4)), real_batch=8)],
    "HarmonicMatching": [lambda: HarmonicMatching(k=3, trajectory=TrajectoryMatching(pool=bank(), lr_lr=0.1))],
    "TrajectoryMatching": [lambda: TrajectoryMatching(pool=bank(), synthetic_steps=2, real_steps=2, batch=4)],
    "UnrolledMatching": [lambda: UnrolledMatching(pool=trained(LINEAR, RevMLP(width=4)), real_batch=8, lr_lr=0.1)],
    "WeightedSum": [
        lambda: WeightedSum(
            objectives=[HarmonicMatching(k=3, trajectory=None), UnrolledMatching(pool=trained(LINEAR), real_batch=8)]
        )
    ],
}
CASES = [
    pytest.param(name, kind, make, id=f"{name}-{kind}-{place}")
    for kind, table in (("images", IMAGES), ("series", SERIES))
    for name, makes in table.items()
    for place, make in enumerate(makes)
]


def test_every_objective_is_here():
    concrete = {name for name in OBJECTIVES if not inspect.isabstract(getattr(hf_distill, name))}
    assert IMAGES.keys() | SERIES.keys() == concrete


@pytest.fixture(scope="module")
def data():
    return {"images": RealData().setup(), "series": small_series()}


def run(objective, synthetic, real, steps):
    """Return the terms of some steps, in each of which all variables move a little."""
    found = []
    for step in steps:
        variables = [*synthetic.parameters(), *objective.parameters()]
        for variable in variables:
            variable.grad = None
        terms = objective(synthetic, real, Streams(1, step=step))
        assert terms and all(term.dim() == 0 and torch.isfinite(term) for term in terms.values())
        torch.stack(list(terms.values())).sum().backward()
        assert all(v.grad is None or torch.isfinite(v.grad).all() for v in variables)
        with torch.no_grad():
            for variable in variables:
                variable -= 0 if variable.grad is None else 1e-3 * variable.grad.clamp(-1, 1)
        found.append(({name: term.item() for name, term in terms.items()}, [v.grad for v in variables]))
        objective.on_step_end(synthetic)
    return found


@pytest.mark.parametrize("name, kind, make", CASES)
def test_two_steps_and_a_state_that_goes_on(data, name, kind, make):
    real = data[kind]
    synthetic, other = (pixel_set(real, 2) if kind == "images" else harmonic_set(real) for _ in range(2))
    objective = make()
    assert type(objective).__name__ == name and objective.work(synthetic, real) > 0
    objective.prepare(synthetic, real, 3)
    (first, gradients), _ = run(objective, synthetic, real, (0, 1))
    assert any(gradient is not None and gradient.abs().sum() > 0 for gradient in gradients)
    learned = [p for group in objective.param_groups(1.0) for p in group["params"]]
    assert {id(p) for p in learned} == {id(p) for p in objective.parameters()}  # all of it is learned
    assert (objective.learned_recipe() != {}) == bool(learned)
    # What a checkpoint has of the objective and of the set is all that the next step needs.
    late = make()
    late.load_state_dict(objective.state_dict())
    other.load_state_dict(synthetic.state_dict())
    late.prepare(other, real, 3)
    assert run(late, other, real, (2,))[0][0] == run(objective, synthetic, real, (2,))[0][0]
    again = make()
    again.prepare(other := pixel_set(real, 2) if kind == "images" else harmonic_set(real), real, 3)
    assert run(again, other, real, (0,))[0][0] == first  # from the streams alone


@pytest.mark.parametrize("name, kind, make", CASES)
def test_it_describes_itself(name, kind, make):
    described = make().config()
    method = {"class_path": "OptimizedDistillation", "init_args": {"objective": described}}
    parser = build_parser()
    # jsonargparse changes the dictionaries that it is given.
    built = parser.instantiate(parser.parse_object({"method": json.loads(json.dumps(method))})).method.objective
    assert built.config() == described
    assert built.paper or name == "WeightedSum"


@pytest.mark.parametrize("name", OBJECTIVES)
def test_constructors_are_keyword_only(name):
    parameters = list(inspect.signature(getattr(hf_distill, name).__init__).parameters.values())[1:]
    assert all(p.kind is inspect.Parameter.KEYWORD_ONLY for p in parameters) or name == "Objective"
