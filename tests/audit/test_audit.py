"""Planted copies are found, and nothing else; the attack's numbers are those that can be counted."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from datasets import ClassLabel, Dataset, Features, Value

from hf_distill.audit import Audit
from hf_distill.audit.inversion import smallest_marks
from hf_distill.audit.membership import attack
from hf_distill.audit.nearest import copied, nearest_rows
from hf_distill.data.poison import Poison
from hf_distill.data.real import RealData
from hf_distill.errors import UserError
from hf_distill.evaluation.classification import ClassificationEvaluator
from hf_distill.features import PixelFeatures
from hf_distill.hub import DistilledDataset
from hf_distill.hub.audits import audit_line
from hf_distill.hub.measured import store_audit
from hf_distill.methods import Coreset, Run
from hf_distill.networks import ConvNet
from hf_distill.selection import RandomSelector
from hf_distill.synthetic import PixelSet
from hf_distill.training import KL, Adam, Recipe
from tests.evaluation.sets import table, vectors


@pytest.fixture(scope="module")
def real():
    return RealData.from_dataset(table(300, 0), table(150, 1)).setup()


@pytest.fixture
def evaluator():
    # A sketch leaves the steps of other optimizers than SGD as they are.
    return ClassificationEvaluator(networks=[ConvNet(width=4, depth=1)], recipe=Recipe(steps=3, optimizer=Adam()))


def planted(real) -> DistilledDataset:
    """A set of one exact copy, one near copy, the mean of a class, and three fresh rows."""
    rows = real.train.batch(torch.arange(3)).x
    noise = torch.randn(rows[1:2].shape, generator=torch.Generator().manual_seed(0))
    mean = real.train.batch(real.train.class_index(1)).x.mean(0, keepdim=True)
    x = torch.cat([rows[:1], rows[1:2] + 0.05 * noise, mean, real.test.batch(torch.arange(3)).x])
    synthetic = PixelSet(per_class=2)
    synthetic.initialize(x, torch.tensor([0, 1, 1, 0, 1, 2]), real.spec)
    return DistilledDataset.from_synthetic(synthetic)


def test_planted_copies_are_found(real, evaluator, tmp_path):
    made = planted(real)
    made.save_pretrained(tmp_path / "set")
    audited = Audit(networks=0).run(made, real, evaluator)
    copies = audited.result["copies"]
    assert (copies["samples"], copies["exact"], copies["near"]) == (6, 1, 1)
    assert copies["test_rows_near"] <= 0.01 * 150
    counts = [(row["class"], row["samples"], row["exact"], row["near"]) for row in audited.result["classes"]]
    assert counts == [("left", 2, 1, 0), ("right", 3, 0, 1), ("top", 1, 0, 0)]
    assert "membership" not in audited.result and audited.pairs.width > 100
    # What was found stays with the set, and its card says it, without a picture of training rows.
    store_audit(made, audited.result)
    read = DistilledDataset.from_pretrained(tmp_path / "set")
    assert read.audit == audited.result and not read.pictures
    again = DistilledDataset.from_pretrained(read.save_pretrained(tmp_path / "again"))
    assert again.audit == audited.result
    line = "of the 6 samples 1 are exact copies of training rows and 1 nearly so"
    assert line in (tmp_path / "again" / "README.md").read_text()


def test_the_nearest_row_is_that_of_brute_force(real):
    features = PixelFeatures().fit(real)
    points, rows = features.rows(real.test, torch.arange(7)), features.rows(real.train, torch.arange(300))
    found = nearest_rows(points, features, real.train, 2)
    distances = (points[:, None].double() - rows[None].double()).norm(dim=2).sort(1)
    assert torch.equal(found.rows, distances.indices[:, 0])
    assert torch.allclose(found.distances.double(), distances.values[:, 0], rtol=1e-5)
    wanted = distances.values[:, 0] / distances.values[:, 1:3].mean(1)
    assert torch.allclose(found.ratios.double(), wanted, rtol=1e-5)


TEXTS = [f"a {word} film of {place}" for place in range(20) for word in ("good", "bad")]


def texts():
    rows = {"text": TEXTS, "label": [0, 1] * 20}
    features = Features({"text": Value("string"), "label": ClassLabel(names=["yes", "no"])})
    dataset = Dataset.from_dict(rows, features=features)
    return RealData.from_dataset(dataset.select(range(30)), dataset.select(range(30, 40))).setup()


@pytest.mark.parametrize("source", ["images", "vectors", "texts"])
def test_a_coreset_is_all_copies(source, real, evaluator):
    numbers = RealData.from_dataset(vectors(60, 0), vectors(30, 1))
    data = {"images": real, "vectors": numbers, "texts": texts()}[source]
    audited = Audit(networks=0).run(Coreset(per_class=2).distill(data), data, evaluator)
    copies = audited.result["copies"]
    assert copies["exact"] == copies["samples"] == 2 * data.spec.num_classes


def test_a_text_is_no_copy_of_one_with_the_same_words():
    data = texts()
    stored = np.array(["a good film of 3", "good a film of 3", "a good film  of 3"], dtype=object)
    assert copied(stored, data.spec, data.train).tolist() == [True, False, False]


def test_the_attack_counts_what_it_finds():
    others = np.arange(1000.0)
    members = np.concatenate([np.full(30, -1.0), np.full(70, 2000.0)])
    found = attack(members, others, np.random.default_rng(0))
    assert [rate["false_positives"] for rate in found["rates"]] == [0.001, 0.01, 0.1]
    assert all(rate["value"] == pytest.approx(0.3) for rate in found["rates"])
    assert found["auc"]["value"] == pytest.approx(0.3)
    # 1.96 standard deviations of a share of 0.3 among 100 rows.
    assert found["rates"][1]["low"] == pytest.approx(0.3 - 0.09, abs=0.02)
    assert found["rates"][1]["high"] == pytest.approx(0.3 + 0.09, abs=0.02)
    same = attack(others, others, np.random.default_rng(0))
    assert same["auc"]["value"] == pytest.approx(0.5)
    assert [rate["value"] for rate in same["rates"]] == pytest.approx([0.001, 0.01, 0.1])
    assert [rate["false_positives"] for rate in attack(members, others[:50], np.random.default_rng(0))["rates"]] == [
        0.1
    ]


def test_networks_are_attacked_beside_one_of_all_rows(real, evaluator):
    found = Audit(networks=2, rows=100, mark_steps=0).run(planted(real), real, evaluator).result["membership"]
    assert [(row["trained_on"], row["networks"]) for row in found] == [("this set", 2), ("full data", 1)]
    assert all((row["members"], row["others"]) == (100, 100) for row in found)
    assert all(row["auc"]["low"] <= row["auc"]["value"] <= row["auc"]["high"] for row in found)


def test_a_recipe_of_soft_labels_is_made_one_of_hard_ones(real, evaluator):
    evaluator.recipe.loss = KL(temperature=20.0)
    found = Audit(networks=1, rows=50, mark_steps=0).run(planted(real), real, evaluator).result["membership"]
    assert [row["trained_on"] for row in found] == ["this set", "full data"]
    assert evaluator.recipe.loss.soft


def test_other_data_is_refused(real, evaluator):
    others = RealData.from_dataset(vectors(60, 0), vectors(30, 1))
    with pytest.raises(UserError, match="the distilled set holds inputs of shape"):
        Audit().run(planted(real), others, evaluator)


def test_a_backdoor_is_found_and_counted(tmp_path):
    data = [
        RealData.from_dataset(table(300, 0), table(150, 1), poison=own)
        for own in (Poison(target="top", share=1.0), None)
    ]
    poisoned, clean = (each.setup() for each in data)
    evaluator = ClassificationEvaluator(
        networks=[ConvNet(width=8, depth=1)], recipe=Recipe(steps=60, optimizer=Adam(lr=0.01))
    )
    made = Coreset(per_class=40, selector=RandomSelector()).distill(poisoned, Run(progress=False))
    made.save_pretrained(tmp_path / "set")
    known = Audit(networks=1, mark_steps=0).run(made, poisoned, evaluator).result
    assert [row["trained_on"] for row in known["poison"]] == ["this set", "full data"] and "backdoor" not in known
    assert all(row["attack_success"] > 0.9 and row["accuracy"] > 0.9 for row in known["poison"])
    # A stranger's audit has the clean rows alone.
    found = Audit(networks=1, mark_steps=100).run(made, clean, evaluator).result
    assert "poison" not in found and found["backdoor"]["suspected"] == 1
    assert max(found["backdoor"]["classes"], key=lambda row: row["anomaly"])["class"] == "top"
    store_audit(made, found)
    assert "suspects 1 of 3 classes" in (tmp_path / "set" / "README.md").read_text()
    assert found["backdoor"]["unmarked"] == 0
    assert "suspects none of 3 classes." in audit_line({**found, "backdoor": {**found["backdoor"], "suspected": 0}})
    # One step finds nothing, which is no news.
    short = Audit(networks=1, mark_steps=1).run(made, clean, evaluator).result
    assert short["backdoor"]["unmarked"] == 3
    assert "none of 3 classes; of 3 of them it found no mark at all, and tells nothing." in audit_line(short)


def test_the_smallest_mark_is_the_pixel_that_counts():
    class Corner(torch.nn.Module):
        def forward(self, x):
            return torch.stack([x.new_zeros(len(x)), 40 * (x[:, 0, 0, 0] - 0.5)], 1)

    spec = RealData.from_dataset(table(30, 0)).setup().spec
    spec = dataclasses.replace(spec, classes=("dark", "bright"), mean=(0.0,), std=(1.0,))
    x, y = torch.full((40, 1, 8, 8), 0.1), torch.arange(40) % 2
    found = smallest_marks([Corner()], x, y, spec, 150, torch.Generator().manual_seed(0))
    assert found.masks[1, 0, 0, 0] > 0.4 and found.masks[1].sum() < 4
    assert found.sizes[1] == pytest.approx(float(found.masks[1].sum()))
