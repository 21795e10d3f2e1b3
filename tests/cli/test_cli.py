"""The command line as a user has it: files in, files and one-line errors out."""

import errno
import json
import subprocess
import sys
from pathlib import Path

import datasets
import pytest
import yaml

from hf_distill.cli.main import run
from tests.cli.conftest import CONFIG


def test_from_configuration_to_card(config, capsys):
    assert run(["distill", "--config", config, "--progress=false", "--evaluate=true"]) == 0
    folder = Path("outputs/tiny")
    rows = datasets.load_dataset(str(folder), split="train")
    assert len(rows) == 20 and rows.features["label"].names == list("0123456789")
    record = json.loads((folder / "distillation.json").read_text())
    assert record["config"]["method"]["init_args"]["steps"] == 4 and record["seed"] == 0
    evaluation = json.loads((folder / "evaluation.json").read_text())
    row = evaluation["rows"][0]
    assert row["network"] == "ConvNet" and row["metric"] == "accuracy" and row["seeds"] == 2
    assert 0 <= row["mean"] <= 1 and 0 <= row["random_mean"] <= 1 and 0 <= row["full_mean"] <= 1
    assert row["bits"] == 20 * (64 * 8 + 4)
    assert "distribution matching" in (folder / "README.md").read_text().lower()
    assert not Path("outputs/tiny.run/checkpoints").exists()
    assert "20 samples of 10 classes from 1437" in capsys.readouterr().out

    assert run(["evaluate", "outputs/tiny", "--evaluator.seeds=1", "--progress=false"]) == 0
    assert json.loads((folder / "evaluation.json").read_text())["rows"][0]["seeds"] == 1
    assert run(["show", "outputs/tiny"]) == 0
    assert "10,320 bits" in capsys.readouterr().out


def test_dotted_overrides_and_the_recorded_configuration_rebuild_the_set(config):
    assert run(["distill", "--config", config, "--progress=false", "--method.synthetic.per_class=1", "--seed=3"]) == 0
    recorded = Path("outputs/tiny.run/config.yaml")
    assert yaml.safe_load(recorded.read_text())["method"]["init_args"]["synthetic"]["init_args"]["per_class"] == 1
    assert run(["distill", "--config", str(recorded), "--progress=false", "--output_dir=again"]) == 0
    first, second = (Path(f) / "data/train-00000-of-00001.parquet" for f in ("outputs/tiny", "again"))
    assert first.read_bytes() == second.read_bytes()


def test_the_card_does_not_tell_where_a_user_keeps_data(config, tmp_path):
    datasets.load_dataset("parquet", data_files=_digits_parquet(tmp_path))
    assert run(["distill", "--config", config, "--progress=false", f"--data.path={tmp_path / 'private.parquet'}"]) == 0
    for path in Path("outputs/tiny").rglob("*"):
        assert path.is_dir() or str(tmp_path).encode() not in path.read_bytes(), path


def _digits_parquet(folder):
    from hf_distill.data.sources import load_digits

    path = str(folder / "private.parquet")
    load_digits()["train"].to_parquet(path)
    return path


@pytest.mark.parametrize(
    "extra, message",
    [
        ("--method.steps=many", "method.steps is 'many'; it must be a whole number, 1 or more"),
        ("--method.stepz=1", "method has no option 'stepz': did you mean --method.steps?"),
        ("--method.pool=4", "method has no option 'pool': did you mean --method.objective.pool?"),
        ("--method.optimizer=lion", "method.optimizer is 'lion'; it must be one of 'sgd', 'adam'"),
        ("--method.objective=Nothing", "method.objective: no class 'Nothing': choose CondTSF, Curvature,"),
        ("--real_per_class=9", "no option --real_per_class: did you mean --method.objective.real_per_class?"),
        ("--data.pth=digits", "data has no option 'pth': did you mean --data.path?"),
        ("--data.path=./nothing", "no such file or folder: ./nothing"),
        ("--data.path=gone.csv", "no such file or folder: gone.csv"),
        ("--data.input_column=picture", "no column 'picture'; set --data.input_column to one of image, label"),
        ("--method.synthetic.per_class=500", "fewer than the 500 asked for"),
        ("--repo_id=nobody", "'nobody' is no Hub dataset"),
        ("--config=missing.yaml", "config: no file"),
    ],
)
def test_mistakes_are_one_line_and_exit_with_2(config, error_of, extra, message):
    assert message in error_of(["distill", "--config", config, "--progress=false", extra], 2)
    assert not Path("outputs/tiny").exists()


def test_unknown_keys_in_the_file_are_named(config, error_of):
    Path("wrong.yaml").write_text(yaml.safe_dump(CONFIG | {"metod": {"steps": 1}}))
    assert "metod" in error_of(["distill", "--config", "wrong.yaml"], 2)


def test_a_folder_with_other_things_is_not_touched(config, error_of):
    Path("mine").mkdir()
    Path("mine/thesis.txt").write_text("two years of work")
    error_of(["distill", "--config", config, "--progress=false", "--output_dir=mine"], 2)
    assert [path.name for path in Path("mine").iterdir()] == ["thesis.txt"]


def test_a_damaged_artifact_is_named(config, error_of):
    run(["distill", "--config", config, "--progress=false"])
    table = Path("outputs/tiny/data/train-00000-of-00001.parquet")
    table.write_bytes(table.read_bytes()[:-10])
    assert "train-00000-of-00001.parquet" in error_of(["evaluate", "outputs/tiny"], 1)
    assert "no folder elsewhere" in error_of(["evaluate", "elsewhere"], 2)
    assert "no folder elsewhere" in error_of(["show", "elsewhere"], 2)
    assert "'me/set' is one argument too many" in error_of(["push", "outputs/tiny", "me/set"], 2)


def test_push_from_the_command_line(config, hub, error_of):
    run(["distill", "--config", config, "--progress=false"])
    assert run(["push", "outputs/tiny", "--repo_id", "tester/tiny"]) == 0
    assert len(datasets.load_dataset("tester/tiny", split="train")) == 20
    assert "permission" in error_of(["push", "outputs/tiny", "--repo_id", "forbidden/tiny"], 1)


def test_help_teaches_without_torch():
    code = "import sys\nfrom hf_distill.cli.main import run\nrun(['--help'])\nassert 'torch' not in sys.modules"
    text = subprocess.check_output([sys.executable, "-c", code], text=True)
    assert "hf-distill distill --config" in text


def test_show_does_without_torch(config):
    run(["distill", "--config", config, "--progress=false", "--evaluate=true"])
    code = (
        "import sys; from hf_distill.cli.main import run; run(['show', 'outputs/tiny']); print('torch' in sys.modules)"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).splitlines()[-1] == "False"


@pytest.mark.parametrize("command", ["distill", "evaluate", "sweep", "show", "push"])
def test_every_command_has_help(command, capsys):
    with pytest.raises(SystemExit) as stop:
        run([command, "--help"])
    assert stop.value.code == 0 and "usage: hf-distill" in capsys.readouterr().out


def test_wrong_commands(error_of):
    said = "the commands are distill, evaluate, audit, compare, sweep, show, train-teacher, experts, export, "
    assert said in error_of(["distil"], 2)
    assert run([]) == 2
    assert run(["--version"]) == 0


def test_a_full_disk_says_what_to_do(monkeypatch, capsys):
    def full(argv):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("hf_distill.cli.show.run", full)
    assert run(["show", "x"]) == 1
    assert (
        capsys.readouterr()
        .err.strip()
        .endswith("No space left on device; free some space and run it again, distill with --resume=true")
    )
