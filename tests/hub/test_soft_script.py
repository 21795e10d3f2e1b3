"""The card's script trains on soft labels with plain datasets, and reaches the evaluator's number."""

import re
import sys

import pytest

from hf_distill.augment import RandomViews
from hf_distill.data.real import RealData
from hf_distill.evaluation import ClassificationEvaluator
from hf_distill.labels import DenseLabels, ViewLabels
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
    monkeypatch.delitem(sys.modules, "decode", raising=False)
    exec(script.replace("path/to/this/folder", str(folder)), {"__name__": "card"})
    monkeypatch.delitem(sys.modules, "decode", raising=False)
    scored = float(re.search(r"accuracy ([\d.]+)", capsys.readouterr().out)[1])
    assert row["mean"] > 0.6 and abs(scored - row["mean"]) < 0.08
