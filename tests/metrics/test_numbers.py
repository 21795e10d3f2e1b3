"""Metrics of real values and of several labels: small numbers, and scikit-learn's."""

from __future__ import annotations

import pytest
import torch

from hf_distill.metrics import load_metric

OUTPUTS = torch.tensor([[1.0, 0.0], [3.0, 2.0], [5.0, 4.0]])
TARGETS = torch.tensor([[1.0, 0.0], [3.0, 2.0], [8.0, 4.0]])


def test_values_of_three_rows():
    assert load_metric("mse")(OUTPUTS, TARGETS) == pytest.approx(9 / 6)
    assert load_metric("mae")(OUTPUTS, TARGETS) == pytest.approx(3 / 6)
    # The first output: squared errors 9 of a spread of 26; the second is without error.
    assert load_metric("r2")(OUTPUTS, TARGETS) == pytest.approx((1 - 9 / 26 + 1) / 2)


def test_they_are_scikit_learn_s():
    metrics = pytest.importorskip("sklearn.metrics")
    generator = torch.Generator().manual_seed(0)
    out, y = torch.randn(40, 3, generator=generator), torch.randn(40, 3, generator=generator)
    assert load_metric("r2")(out, y) == pytest.approx(metrics.r2_score(y, out))
    flags = (y > 0.3).float()
    expected = metrics.f1_score(flags, out > 0, average="macro")
    assert load_metric("label_f1")(out, flags) == pytest.approx(expected)
    expected = metrics.average_precision_score(flags, out, average="macro")
    assert load_metric("mean_average_precision")(out, flags) == pytest.approx(expected)


def test_labels_that_no_row_has_are_left_out():
    logits, flags = torch.tensor([[1.0, 1.0], [-1.0, 1.0]]), torch.tensor([[1.0, 0.0], [0.0, 0.0]])
    assert load_metric("label_f1")(logits, flags) == 1 and load_metric("mean_average_precision")(logits, flags) == 1
