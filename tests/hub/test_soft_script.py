"""The card's script trains on soft labels with plain datasets, and reaches the evaluator's number."""

import json
import re
import sys

import pytest
import torch
from datasets import load_dataset

from hf_distill.augment import RandomViews
from hf_distill.data.real import RealData
from hf_distill.decode import probabilities
from hf_distill.errors import ArtifactError
from hf_distill.evaluation import ClassificationEvaluator
from hf_distill.hub import DistilledDataset
from hf_distill.hub.label_table import divided, label_columns, labels_tables
from hf_distill.labels import DenseLabels, TopLabels, ViewLabels
from hf_distill.methods import Coreset, Relabeled, Run
from hf_distill.networks import ConvNet
from hf_distill.training import KL, Adam, AdamW, Cosine, Recipe, Teacher

DENSE = DenseLabels(learned=False)


@pytest.mark.parametrize(
    ("labels", "recipe"),
    [
        (
            ViewLabels(labels=DENSE, views=6, draw=RandomViews(least=0.5, flip=0.0, mix="cutmix")),
            Recipe(
                steps=100, batch_size=90, optimizer=AdamW(lr=0.01), schedule=Cosine(each="step"), loss=KL(temperature=2)
            ),
        ),
        pytest.param(DENSE, Recipe(epochs=150, optimizer=Adam(lr=0.01)), marks=pytest.mark.slow),
    ],
    ids=["views", "one a sample"],
)
def test_it_reaches_the_evaluators_number(labels, recipe, tmp_path, monkeypatch, capsys):
    real = RealData().setup()
    network = ConvNet(width=8, depth=2)
    teacher = Teacher(network=network, recipe=Recipe(epochs=10, batch_size=128, optimizer=Adam(lr=0.01)))
    made = Relabeled(method=Coreset(per_class=6), teacher=teacher, labels=labels).distill(real, Run(progress=False))
    folder = made.save_pretrained(tmp_path / "set")
    evaluator = ClassificationEvaluator(
        networks=[network], seeds=2, recipe=recipe, baselines=[], full=0, labels="soft", strategy="sequential"
    )
    evaluation = evaluator.evaluate(folder, real, progress=False)
    made.add_evaluation(evaluation.to_dict())
    (row,) = evaluation.rows
    script = re.findall(r"```python\n(.*?)```", (folder / "README.md").read_text(), re.S)[1]
    assert "hf_distill" not in script and ("seen" in script) is (labels is not DENSE)
    # What a plain reader has is enough, unless labels are of views that are to be made.
    assert ("decode" in script) is (labels is not DENSE) and ('data["soft_label"]' in script) is (labels is DENSE)
    monkeypatch.delitem(sys.modules, "decode", raising=False)
    exec(script.replace("path/to/this/folder", str(folder)), {"__name__": "card"})
    monkeypatch.delitem(sys.modules, "decode", raising=False)
    scored = float(re.search(r"accuracy ([\d.]+)", capsys.readouterr().out)[1])
    assert row["mean"] > 0.6 and abs(scored - row["mean"]) < 0.08


@pytest.mark.parametrize("kept", [DENSE, TopLabels(top=2, learned=False)], ids=["all classes", "likeliest"])
def test_labels_of_views_are_a_config_that_plain_datasets_reads(kept, tmp_path):
    real = RealData().setup()
    labels = ViewLabels(labels=kept, views=3, draw=RandomViews(least=0.5))
    teacher = Teacher(network=ConvNet(width=4, depth=1), recipe=Recipe(epochs=1, batch_size=500))
    made = Relabeled(method=Coreset(per_class=1), teacher=teacher, labels=labels).distill(real, Run(progress=False))
    folder = made.save_pretrained(tmp_path / "set")
    table = load_dataset(str(folder), "labels", split="train")
    assert load_dataset(str(folder), "codes", split="train").column_names == ["codes"]
    assert DistilledDataset.from_pretrained(folder).packed == made.packed
    shares = torch.tensor(table["labels"][:])
    if kept is not DENSE:
        shares = torch.zeros(10, 3, 10).scatter(2, torch.tensor(table["chosen"][:]), shares)
    assert torch.allclose(shares.flatten(0, 1), made.batch("soft").y, atol=1e-6)
    record = json.loads((folder / "distillation.json").read_text())
    assert torch.allclose(torch.from_numpy(probabilities(record, table[:])), shares, atol=1e-6)


def test_labels_that_are_not_as_described_are_refused(tmp_path):
    real = RealData().setup()
    teacher = Teacher(network=ConvNet(width=4, depth=1), recipe=Recipe(epochs=1, batch_size=500))
    labels = ViewLabels(labels=DENSE, views=3, draw=RandomViews(least=0.5))
    made = Relabeled(method=Coreset(per_class=1), teacher=teacher, labels=labels).distill(real, Run(progress=False))
    table = next(labels_tables(divided(made.packed)[1], made.packed.meta)).data.table
    assert label_columns(table, made.packed.meta) == divided(made.packed)[1]
    meta = {"columns": {"labels": {"dtype": "<f4", "shape": [3, 9]}}}
    for damaged, described in ((table.rename_columns(["pixels"]), made.packed.meta), (table, meta), (table, {})):
        with pytest.raises(ArtifactError, match="config labels"):
            label_columns(damaged, described)
