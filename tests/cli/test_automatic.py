import shlex
from pathlib import Path

import pandas as pd
import pytest

from hf_distill.cli.main import run
from hf_distill.cli.yaml_files import joined
from hf_distill.hub.artifact import DistilledDataset


def test_options_and_their_values_become_one_word():
    assert joined(["digits", "--size", "1%", "--a.b=2", "--resume=true", "--x", "-3"]) == [
        "digits",
        "--size=1%",
        "--a.b=2",
        "--resume=true",
        "--x=-3",
    ]


@pytest.fixture
def wine(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = {"alcohol": [0.1 * row for row in range(60)], "ash": [row % 7 for row in range(60)], "wine": ["a", "b"] * 30}
    pd.DataFrame(rows).to_csv("wine.csv", index=False)
    return "wine.csv"


def test_a_table_needs_no_configuration(wine, capsys):
    assert run(["distill", wine, "--per_class", "2", "--dry_run=true"]) == 0
    text = capsys.readouterr().out
    assert "20% of the rows, which are held out" in text and "dry run" in text and not Path("outputs").exists()
    assert run(["distill", wine, "--per_class", "2", "--progress=false"]) == 0
    made = DistilledDataset.from_pretrained("outputs/wine_coreset_2")
    assert len(made) == 4
    # The command that is printed makes the same set.
    line = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("the same again: "))
    words = shlex.split(line.removeprefix("the same again: hf-distill "))
    assert run([*words, "--output_dir=again"]) == 0
    assert DistilledDataset.from_pretrained("again").x.equal(made.x)


@pytest.mark.parametrize(
    "argv, said",
    [
        ([], "name the data"),
        (["wine.csv", "--size=10"], "size is '10'"),
        (["wine.csv", "--per_class=0"], "per_class is '0'"),
        (["wine.csv", "--size=1%", "--per_class=1"], "leave one of them out"),
        (["--config=dm_digits", "--size=1%"], "--size is for data alone"),
        (["wine.csv", "--data.label_column=wines"], "no column 'wines'"),
    ],
)
def test_mistakes_are_one_line(wine, error_of, argv, said):
    assert said in error_of(["distill", *argv])


def test_a_path_that_is_none_is_one_line(wine, error_of):
    assert "wines.csv" in error_of(["distill", "wines.csv"], 1, 2)
