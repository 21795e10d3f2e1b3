"""What stands in an evaluation beside its metric: the classes one by one, and changed test images."""

import pytest
import torch

from hf_distill import FGSM, PGD, ClassificationEvaluator, ConvNet, Corruption, Recipe, Robustness
from hf_distill.evaluation.scores import by_class
from hf_distill.hub.artifact import DistilledDataset
from hf_distill.hub.card import render_card
from hf_distill.hub.record import read_record
from hf_distill.hub.results import class_table, verdict


def test_the_classes_one_by_one():
    labels = torch.tensor([0, 0, 0, 0, 1, 1])
    right, half = torch.eye(3)[labels], torch.eye(3)[torch.tensor([0, 0, 1, 1, 1, 1])]
    found = by_class([right, half], labels, ["a", "b", "c"])
    assert found["accuracy"] == {"a": 0.75, "b": 1.0, "c": None}
    assert found["balanced_accuracy"][0] == pytest.approx((1 + 0.75) / 2)
    assert found["macro_f1"][0] == pytest.approx((1 + (2 / 3 + 2 / 3) / 2) / 2)


def test_of_two_classes_they_are_specificity_and_sensitivity():
    labels = torch.tensor([0, 0, 0, 0, 1, 1])
    sets = {"distilled": by_class([torch.eye(2)[torch.tensor([0, 0, 0, 1, 1, 0])]], labels, ["well", "ill"])}
    lines = class_table([{"network": "MLP", "by_class": sets}]).lines
    assert lines[0] == ["MLP", "well (specificity)", "75.0 %"] and lines[1] == ["MLP", "ill (sensitivity)", "50.0 %"]


def test_of_many_classes_the_averages_stand_alone():
    names = [f"c{k}" for k in range(21)]
    sets = {"distilled": by_class([torch.eye(21)], torch.arange(21), names)}
    assert [line[1] for line in class_table([{"network": "MLP", "by_class": sets}]).lines] == [
        "macro-F1",
        "balanced accuracy",
    ]


def test_every_network_meets_every_harm(real, artifact):
    robustness = Robustness(harms=[FGSM(eps=255), PGD(eps=1, steps=1), Corruption(name="noise", severity=1)], rows=20)
    evaluator = ClassificationEvaluator(
        networks=[ConvNet(width=8, depth=2)],
        seeds=2,
        recipe=Recipe(epochs=60),
        baselines=["random"],
        full_steps=60,
        device="cpu",
        robustness=robustness,
    )
    evaluation = evaluator.evaluate(artifact, real, progress=False)
    rows = {row["metric"]: row for row in evaluation.rows}
    assert list(rows) == ["accuracy", "accuracy, FGSM 255/255", "accuracy, PGD-1 1/255", "accuracy, noise 1"]
    clean = rows["accuracy"]
    for of in ("mean", "random_mean", "full_mean"):
        assert clean[of] > 0.8  # three bright halves
        assert rows["accuracy, FGSM 255/255"][of] < 0.5 and rows["accuracy, PGD-1 1/255"][of] > 0.7
    assert set(clean["by_class"]) == {"distilled", "random", "full"} and "by_class" not in rows["accuracy, noise 1"]
    assert "after FGSM 255/255" in verdict(rows["accuracy, FGSM 255/255"])
    assert evaluation.protocol["robustness"]["init_args"]["rows"] == 20
    made = DistilledDataset.from_pretrained(artifact)
    made.add_evaluation(evaluation.to_dict())
    card = render_card(read_record(made.folder))
    assert "accuracy, FGSM 255/255" in card and "balanced accuracy" in card and "| left |" in card
