"""What chosen whole rows are worth: numbers that can be derived, beside random rows of equal bytes."""

import json

import pytest
import torch
from datasets import ClassLabel, Dataset, DatasetDict, Features, List, Value

from hf_distill.cli.main import run
from hf_distill.data.rows import RowsData
from hf_distill.errors import UserError
from hf_distill.evaluation import RowsEvaluator
from hf_distill.evaluation.coverage import Coverage
from hf_distill.features import ColumnFeatures
from hf_distill.hub import DistilledDataset
from hf_distill.methods import Coreset, Run
from hf_distill.selection import KCenterSelector


def groups(rows: int, seed: int = 0) -> Dataset:
    """Three groups of points, one of them rare, with their names in a column of classes."""
    generator = torch.Generator().manual_seed(seed)
    label = (torch.arange(rows) % 20).clamp_max(2).sub(2).abs()  # 2, 1 and the other eighteen of twenty: 0
    x = 10 * torch.eye(3)[label] + 0.1 * torch.randn(rows, 3, generator=generator)
    features = Features(
        {"x": List(Value("float32")), "topic": ClassLabel(names=["a", "b", "c"]), "w": Value("float64")}
    )
    values = {"x": x.tolist(), "topic": label.tolist(), "w": [0.5] * rows}
    return Dataset.from_dict(values, features=features)


def evaluator(**options) -> RowsEvaluator:
    return RowsEvaluator(**{"features": ColumnFeatures(column="x"), "seeds": 3, **options})


COVERING = {"selector": KCenterSelector(), "features": ColumnFeatures(column="x")}


def test_a_set_that_covers_rare_groups_is_better_than_random_rows(tmp_path):
    DatasetDict(train=groups(400), test=groups(100, seed=1)).save_to_disk(tmp_path / "source")
    data = RowsData(path=str(tmp_path / "source"))
    made = Coreset(**COVERING, size=3).distill(data, Run(progress=False))
    made.save_pretrained(tmp_path / "set")
    found = evaluator(label_column="topic").evaluate(made, data, progress=False)
    rows = {row["metric"]: row for row in found.rows}
    assert rows["accuracy"]["mean"] == rows["accuracy"]["full_mean"] == 1.0
    assert rows["accuracy"]["guess"] == 0.9 and rows["accuracy"]["random_mean"] < 1
    assert rows["distance"]["mean"] < 0.1 < rows["distance"]["random_mean"]
    # Three rows take as many bits as three others.
    assert rows["distance"]["baselines"]["random"]["samples"] in (2, 3)
    assert found.protocol["test"] == "the source's test split" and found.protocol["test_rows"] == 100
    DistilledDataset.from_pretrained(tmp_path / "set").add_evaluation(found.to_dict())
    card = (tmp_path / "set" / "README.md").read_text()
    assert "linear probe of ColumnFeatures: better than random samples by" in card
    assert "losses (radius) that the choice knew nothing of" in card


@pytest.mark.slow
def test_the_record_says_how_rows_are_measured(tmp_path, monkeypatch):
    DatasetDict(train=groups(400), test=groups(100, seed=1)).save_to_disk(tmp_path / "source")
    monkeypatch.chdir(tmp_path)
    assert not run(["distill", "--data=RowsData", "--data.path=source", "--method=Coreset", "--method.size=3",
          "--evaluator=RowsEvaluator", "--evaluator.features=ColumnFeatures", "--evaluator.features.column=x",
          "--evaluator.label_column=topic", "--evaluate=true", "--output_dir=set"])  # fmt: skip
    assert not run(["evaluate", "set", "--data.path=source", "--evaluator.seeds=2", "--evaluator.full=false"])
    found = json.loads((tmp_path / "set" / "evaluation.json").read_text())
    assert found["protocol"]["random"] == "rows of equal size in bits, 2 draws"


def test_all_rows_cover_themselves():
    x = torch.randn(50, 4, generator=torch.Generator().manual_seed(0))
    coverage = Coverage.of(x, torch.arange(50))
    assert coverage.distance(x) < 1e-3 and coverage.discrepancy(x, torch.ones(50)) == pytest.approx(0, abs=1e-7)
    # One row: its mean distance to the others, by the root mean squared distance to the mean.
    assert coverage.distance(x[:1]) == pytest.approx(float((x - x[0]).norm(dim=1).mean() / (x - x.mean(0)).norm(dim=1)
        .square().mean().sqrt()))  # fmt: skip
    # Weights make up for rows that are doubled.
    doubled, w = torch.cat((x, x[:10])), torch.cat((torch.full((10,), 0.5), torch.ones(40), torch.full((10,), 0.5)))
    assert coverage.discrepancy(doubled, w) == pytest.approx(0, abs=1e-7)
    assert coverage.discrepancy(doubled, w + 9) > 0.01


def test_rows_that_nothing_chose_are_tested_on():
    data = RowsData.from_dataset(groups(60))
    made = Coreset(**COVERING, size=6).distill(data, Run(progress=False))
    found = evaluator(label_column="topic").evaluate(made, data, progress=False)
    assert found.protocol["test"] == "rows of the source that nothing chose" and found.protocol["test_rows"] == 12
    assert [row["metric"] for row in found.rows] == ["accuracy", "distance", "discrepancy"]
    alone = evaluator().alone().evaluate(made, data, progress=False)
    assert [row["random_mean"] for row in alone.rows] == [None, None]


@pytest.mark.parametrize("options, rows, message", [
    ({"label_column": "no"}, 60, r"^there is no column 'no' to test on; the source has x, topic, w"),
    ({"label_column": "w"}, 60, r"^column 'w' is .*name one of classes for a probe"),
    ({}, 61, r"^the rows of the set are not those of in-memory: evaluate on the data"),
])  # fmt: skip
def test_what_cannot_be_measured_is_refused(options, rows, message):
    made = Coreset(size=6).distill(RowsData.from_dataset(groups(60)), Run(progress=False))
    other = groups(rows) if rows == 60 else groups(rows, seed=2)
    with pytest.raises(UserError, match=message):
        evaluator(**options).evaluate(made, RowsData.from_dataset(other), progress=False)


def test_a_stream_is_measured_by_random_rows_of_it(tmp_path):
    for split, rows in (("train", groups(400)), ("test", groups(100, seed=1))):
        rows.to_parquet(tmp_path / "files" / f"{split}.parquet")
    table, stream = RowsData(path=str(tmp_path / "files")), RowsData(path=str(tmp_path / "files"), streaming=True)
    made = Coreset(**COVERING, size=6).distill(table, Run(progress=False))

    def rows(data, **options):
        return evaluator(label_column="topic", **options).evaluate(made, data, progress=False).rows

    # A cap that is not reached changes nothing; one that is says so in every row.
    assert rows(stream) == rows(table)
    few = rows(stream, stream_rows=100)
    assert [row["network"] for row in few][:2] == [
        "linear probe of ColumnFeatures (100 of 400 rows)", "distance in ColumnFeatures (100 of 400 rows)"
    ]  # fmt: skip
    assert few[0]["mean"] == few[0]["full_mean"] == 1.0 and few[1]["mean"] < few[1]["random_mean"]
    assert few[1]["mean"] == pytest.approx(rows(table)[1]["mean"], rel=0.3)
    with pytest.raises(UserError, match=r"^there is no column 'no' to test on; the source has x, topic, w"):
        evaluator(label_column="no").evaluate(made, stream, progress=False)
