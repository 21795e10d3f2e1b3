"""The likelihood-ratio attack finds planted members, and its numbers are those that can be derived."""

from __future__ import annotations

import datasets
import numpy as np
import pytest
import torch
from scipy import stats

from hf_distill import Audit, ClassificationEvaluator, ConvNet, Coreset, RealData, Recipe
from hf_distill.audit.membership import attack_rows
from hf_distill.audit.shadows import halves, likelihood_ratios, log_odds
from hf_distill.errors import UserError
from hf_distill.hub.audits import check_audit, shadows_table
from hf_distill.training import Adam


def test_each_row_is_in_half_of_the_halves():
    inside = halves(8, 100, np.random.default_rng(0))
    assert inside.shape == (8, 100) and (inside.sum(0) == 4).all()
    assert 30 < inside[0].sum() < 70 and not (inside[0] == inside[1]).all()


def test_log_odds_are_those_of_the_probability():
    outputs, labels = torch.randn(20, 4), torch.arange(20) % 4
    right = outputs.double().softmax(1).gather(1, labels[:, None])[:, 0]
    torch.testing.assert_close(log_odds(outputs, labels), (right / (1 - right)).log())


def test_the_ratio_is_that_of_two_normals():
    signals = np.array([[3.0], [2.0], [1.0], [5.0], [0.0], [-2.0]])
    inside = np.array([[True], [True], [False], [True], [False], [False]])
    # Of the first target the shadows that had the row say 2 and 5, the others 1, 0 and -2.
    wanted = stats.norm.logpdf(3, 3.5, np.std([2, 5], ddof=1)) - stats.norm.logpdf(
        3, -1 / 3, np.std([1, 0, -2], ddof=1)
    )
    assert likelihood_ratios(signals, inside)[0, 0] == pytest.approx(wanted)


def test_planted_members_are_found_where_a_threshold_knows_little():
    generator = np.random.default_rng(0)
    inside = halves(16, 500, generator)
    # Rows are easy or hard by far more than it tells that one was in.
    signals = generator.normal(0, 10, 500) + generator.normal(size=inside.shape) + 5 * inside
    found = attack_rows(likelihood_ratios(signals, inside), inside, generator)
    plain = attack_rows(signals, inside, generator)
    assert [rate["false_positives"] for rate in found["rates"]] == [0.001, 0.01, 0.1]
    # Two normals of deviation 1 that are 5 apart, but for the error of means of eight.
    assert found["rates"][1]["value"] == pytest.approx(stats.norm.sf(stats.norm.isf(0.01) - 5), abs=0.02)
    assert found["rates"][1]["low"] > 0.9 > 0.1 > plain["rates"][1]["high"]
    none = attack_rows(likelihood_ratios(signals - 5 * inside, inside), inside, generator)
    assert none["rates"][2]["low"] < 0.1 < none["rates"][2]["high"]


def test_rows_that_networks_learn_by_heart_are_told():
    generator = np.random.default_rng(0)
    features = datasets.Features({"image": datasets.Image(), "label": datasets.ClassLabel(names=["a", "b"])})
    rows = {"image": list(generator.integers(0, 256, (40, 8, 8), dtype=np.uint8)), "label": [0, 1] * 20}
    noise = datasets.Dataset.from_dict(rows, features=features)
    real = RealData.from_dataset(noise, noise).setup()
    network = ConvNet(width=16, depth=1)
    evaluator = ClassificationEvaluator(networks=[network], recipe=Recipe(steps=40, optimizer=Adam(lr=0.01)))
    made = Coreset(per_class=2).distill(real)
    found = Audit(networks=0, shadows=8).run(made, real, evaluator).result
    check_audit(found, "audit")
    names = ["sets of halves", "halves"]
    wanted = [f"{name}, {attack}" for name in names for attack in ("likelihood ratio", "loss")]
    assert [row["trained_on"] for row in found["shadows"]] == wanted
    by_heart = found["shadows"][2]
    assert by_heart["auc"]["low"] > 0.75 and by_heart["rates"][-1]["low"] > 0.2, found["shadows"]
    assert "halves, likelihood ratio" in str(shadows_table(found))
    with pytest.raises(UserError, match="shadows is 3: choose 0, 4 or another even number"):
        Audit(shadows=3).run(made, real, evaluator)
