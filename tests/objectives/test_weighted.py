import json

import pytest
import torch

from hf_distill.errors import UserError
from hf_distill.objectives import Objective, WeightedSum
from hf_distill.seeding import Streams
from hf_distill.synthetic import SeriesSet
from tests.objectives.sets import harmonic_set, small_series


class Power(Objective):
    paper = "a paper"
    citation = "@misc{a}"

    def __init__(self, *, factor=1.0):
        super().__init__()
        self.factor = factor

    def forward(self, synthetic, real, streams):
        return {"a": self.factor * synthetic().x.sum(), "b": 2 * self.factor * synthetic().x.sum()}


def test_weights_and_normalisation():
    real = small_series()
    synthetic = harmonic_set(real, cls=SeriesSet)
    total = synthetic().x.sum().item()
    plain = WeightedSum(objectives=[Power(), Power(factor=10.0)], weights=[1.0, 0.5])
    terms = plain(synthetic, real, Streams(0))
    assert {name: term.item() / total for name, term in terms.items()} == pytest.approx(
        {"0_a": 1, "0_b": 2, "1_a": 5, "1_b": 10}
    )
    scaled = WeightedSum(objectives=plain.objectives, weights=[1.0, 0.5], normalize_gradients=True)
    terms = scaled(synthetic, real, Streams(0))
    assert {name: term.item() / total for name, term in terms.items()} == pytest.approx({"0_Power": 3, "1_Power": 15})
    torch.stack(list(terms.values())).sum().backward()
    # Both gradients point the same way: lengths 1 and 0.5 add up.
    assert synthetic.values.grad.norm().item() == pytest.approx(1.5, rel=1e-5)


def test_it_describes_and_cites_its_terms():
    objective = WeightedSum(objectives=[Power(), Power(factor=2.0)])
    assert objective.citations() == ["@misc{a}"] and objective.paper == "a paper"
    assert json.loads(json.dumps(objective.config()))["init_args"]["objectives"][1]["init_args"] == {"factor": 2.0}
    real = small_series()
    with pytest.raises(UserError, match="1 numbers and there are 2 objectives"):
        WeightedSum(objectives=[Power(), Power()], weights=[1.0]).prepare(harmonic_set(real), real, 1)
