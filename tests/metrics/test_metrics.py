from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from hf_distill.errors import UserError
from hf_distill.metrics import load_metric

LOGITS = torch.nn.functional.one_hot(torch.tensor([0, 1, 1, 2, 0]), 8).float() + torch.arange(8).flip(0) / 100
LABELS = torch.tensor([0, 1, 2, 2, 7])


def test_values():
    assert load_metric("accuracy")(LOGITS, LABELS) == pytest.approx(3 / 5)
    assert load_metric("top5_accuracy")(LOGITS, LABELS) == pytest.approx(4 / 5)
    # The other class is the third, fourth and sixth of the largest logits.
    ranks = torch.tensor([[5.0, 4, 3, 2, 1, 0]]).expand(3, 6), torch.tensor([2, 3, 5])
    assert load_metric("top3_accuracy")(*ranks) == pytest.approx(1 / 3)
    assert load_metric("top5_accuracy")(*ranks) == pytest.approx(2 / 3)
    # Classes 0, 1, 2, 7 occur: F1 of 2/3, 2/3, 2/3 and 0.
    assert load_metric("macro_f1")(LOGITS, LABELS) == pytest.approx(0.5)


def test_balanced_accuracy_is_scikit_learn_s():
    metrics = pytest.importorskip("sklearn.metrics")
    generator = torch.Generator().manual_seed(0)
    labels = torch.tensor([0] * 50 + [1] * 7 + [3] * 2)  # the third class does not occur
    logits = torch.randn(len(labels), 4, generator=generator) + 2 * torch.nn.functional.one_hot(labels, 4)
    logits[:, 2] = -9
    expected = metrics.balanced_accuracy_score(labels, logits.argmax(1))
    assert load_metric("balanced_accuracy")(logits, labels) == pytest.approx(expected)


def test_macro_f1_is_scikit_learn_s():
    metrics = pytest.importorskip("sklearn.metrics")
    logits, labels = torch.randn(50, 6, generator=torch.Generator().manual_seed(0)), torch.arange(50) % 5
    expected = metrics.f1_score(labels, logits.argmax(1), average="macro")
    assert load_metric("macro_f1")(logits, labels) == pytest.approx(expected)


def test_evaluate_modules_agree_offline(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_EVALUATE_OFFLINE", "1")
    from hf_distill.metrics.hub import Accuracy, MacroF1

    predictions = LOGITS.argmax(1).tolist()
    for metric, name in (
        (Accuracy(cache_dir=str(tmp_path)), "accuracy"),
        (MacroF1(cache_dir=str(tmp_path)), "macro_f1"),
    ):
        value = metric.compute(predictions=predictions, references=LABELS.tolist())
        assert value == {name: pytest.approx(load_metric(name)(LOGITS, LABELS))}


METRIC = """
import datasets
import evaluate


class Share(evaluate.Metric):
    def _info(self):
        features = {"predictions": datasets.Value("int64"), "references": datasets.Value("int64")}
        return evaluate.MetricInfo(
            description="", citation="", inputs_description="", features=datasets.Features(features)
        )

    def _compute(self, predictions, references):
        return {"share": sum(p == r for p, r in zip(predictions, references)) / len(references)}
"""


def test_metric_of_a_local_folder(tmp_path):
    folder = tmp_path / "share"
    folder.mkdir()
    (folder / "share.py").write_text(METRIC)
    assert load_metric(str(folder))(LOGITS, LABELS) == pytest.approx(3 / 5)


def test_unknown_metric():
    with pytest.raises(UserError, match="accuracy, top3_accuracy, top5_accuracy, macro_f1"):
        load_metric("./no/such/metric")


@pytest.mark.slow
def test_the_evaluator_does_not_import_evaluate():
    code = "import sys, hf_distill.evaluation; sys.exit('evaluate' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
