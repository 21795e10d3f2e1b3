"""Finished sets stay, and are measured by the protocol that their own record says."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import yaml

from hf_distill.cli.main import run
from hf_distill.data import RealData
from hf_distill.errors import Interrupted
from hf_distill.files import locked
from hf_distill.hub.artifact import DistilledDataset
from hf_distill.initialization import RealSamples
from hf_distill.methods import OptimizedDistillation
from hf_distill.seeding import Streams

QUIET = ["--progress=false"]
TABLE = Path("outputs/tiny/data/train-00000-of-00001.parquet")


def protocol():
    evaluation = json.loads(Path("outputs/tiny/evaluation.json").read_text())
    return evaluation["rows"][0]["seeds"], evaluation["protocol"]["recipe"]["epochs"]


@pytest.fixture
def finished(config):
    assert run(["distill", "--config", config, *QUIET]) == 0
    return config


def test_a_finished_set_is_neither_lost_nor_made_again(finished, error_of, capsys):
    before = TABLE.read_bytes()
    for words in ([], ["--seed=5"], ["--resume=true", "--seed=5"], ["--resume=true", "--method.steps=3"]):
        assert "finished set" in error_of(["distill", "--config", finished, *QUIET, *words])
    assert TABLE.read_bytes() == before and not Path("outputs/tiny.run/checkpoints").exists()
    stamp = TABLE.stat().st_mtime_ns
    assert run(["distill", "--config", finished, *QUIET, "--resume=true"]) == 0
    assert "outputs/tiny is finished" in capsys.readouterr().out
    assert TABLE.read_bytes() == before and TABLE.stat().st_mtime_ns == stamp
    # What is asked for beside the set is still done.
    assert run(["distill", "--config", finished, *QUIET, "--resume=true", "--evaluate=true"]) == 0
    assert protocol() == (2, 2)
    assert run(["distill", "--config", finished, *QUIET, "--overwrite=true", "--seed=5"]) == 0
    assert TABLE.read_bytes() != before


def test_an_interrupted_replacement_goes_on(finished, error_of, monkeypatch):
    before = TABLE.read_bytes()
    words = ["distill", "--config", finished, *QUIET, "--seed=5"]
    with monkeypatch.context() as patch:
        fit = OptimizedDistillation.fit

        def stopped(self, real, run):
            fit(self, real, run)
            raise Interrupted("stopped after the last step")

        patch.setattr(OptimizedDistillation, "fit", stopped)
        error_of([*words, "--overwrite=true"], 130)
    assert TABLE.read_bytes() == before
    assert run([*words, "--resume=true"]) == 0
    assert TABLE.read_bytes() != before and json.loads(Path("outputs/tiny/distillation.json").read_text())["seed"] == 5


def test_what_the_run_started_from_is_measured_beside_it(config):
    assert run(["distill", "--config", config, *QUIET, "--evaluate=true", "--method.steps=1", "--method.lr=1e-9"]) == 0
    row = json.loads(Path("outputs/tiny/evaluation.json").read_text())["rows"][0]
    # A step of no length has learned nothing.
    assert row["baselines"]["start"]["mean"] == row["mean"] and row["baselines"]["start"]["samples"] == 20
    start = DistilledDataset.from_pretrained("outputs/tiny.run/start")
    again = RealSamples().draw(RealData().setup(), 2, Streams(0))
    assert torch.equal(start.y, again.y) and torch.allclose(start.x, again.x, atol=0.02)
    # The start of another run is none of this one's.
    assert run(["distill", "--config", config, *QUIET, "--seed=1", "--output_dir=other"]) == 0
    shutil.rmtree("outputs/tiny.run/start")
    shutil.copytree("other.run/start", "outputs/tiny.run/start")
    assert run(["evaluate", "outputs/tiny", *QUIET]) == 0
    assert "start" not in json.loads(Path("outputs/tiny/evaluation.json").read_text())["rows"][0]["baselines"]


OTHER = ["--evaluator.seeds=1", "--evaluator.recipe.epochs=3"]


def test_a_refused_or_failed_run_does_not_change_the_protocol(finished, error_of, monkeypatch):
    error_of(["distill", "--config", finished, *QUIET, *OTHER])
    with monkeypatch.context() as patch:
        patch.setattr(OptimizedDistillation, "fit", lambda self, real, run: 1 / 0)
        error_of(["distill", "--config", finished, *QUIET, *OTHER, "--overwrite=true"], 1)
    assert run(["evaluate", "outputs/tiny", *QUIET]) == 0
    assert protocol() == (2, 2)


def test_a_crash_while_the_set_is_saved_leaves_set_and_protocol_together(finished, monkeypatch, error_of):
    words = ["distill", "--config", finished, *QUIET, *OTHER, "--overwrite=true", "--seed=5"]
    with monkeypatch.context() as patch:
        save = DistilledDataset.save_pretrained
        patch.setattr(DistilledDataset, "save_pretrained", lambda self, to: 1 / (to.name != "tiny") and save(self, to))
        error_of(words, 1)
    assert run(["evaluate", "outputs/tiny", *QUIET]) == 0
    assert protocol() == (2, 2)
    with monkeypatch.context() as patch:  # after the new set is there
        save = DistilledDataset.save_pretrained
        patch.setattr(DistilledDataset, "save_pretrained", lambda self, to: save(self, to) and 1 / (to.name != "tiny"))
        error_of(words, 1)
    assert run(["evaluate", "outputs/tiny", *QUIET]) == 0
    assert protocol() == (1, 3)


def test_a_changed_configuration_beside_the_set_is_not_believed(finished, tmp_path):
    path = Path("outputs/tiny.run/config.yaml")
    values = yaml.safe_load(path.read_text())
    values["evaluator"]["init_args"]["seeds"] = 1
    for content in (yaml.safe_dump(values), "", "[1", "a: &a [*a]", "\x00", "- 1"):
        path.write_text(content)
        assert run(["evaluate", "outputs/tiny", *QUIET]) == 0
        assert protocol() == (2, 2)


def test_data_of_this_machine_are_found_again_and_not_published(config, tmp_path):
    from hf_distill.data.sources import load_digits

    secret = tmp_path / "secret_project"
    secret.mkdir()
    load_digits().save_to_disk(str(secret / "data"))
    for path in ("secret_project/data", str(secret / "data"), "./secret_project/../secret_project/data"):
        words = ["distill", "--config", config, *QUIET, f"--data.path={path}", "--overwrite=true"]
        assert run(words) == 0
        for file in Path("outputs/tiny").rglob("*"):
            assert file.is_dir() or b"secret_project" not in file.read_bytes(), (path, file)
        assert run(["evaluate", "outputs/tiny", *QUIET]) == 0
        assert "secret_project" not in Path("outputs/tiny/evaluation.json").read_text()


def test_a_second_process_is_refused(config, error_of):
    with locked(Path("outputs/tiny.run").resolve()):
        code = (
            "from hf_distill.cli.main import run; import sys;"
            f"sys.exit(run(['distill', '--config', {config!r}, '--progress=false']))"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 2 and "another process is working in" in done.stderr and not Path("outputs/tiny").exists()


def test_an_unexpected_error_is_one_line(finished, error_of, monkeypatch):
    monkeypatch.setattr("hf_distill.cli.show.run", lambda argv: 1 / 0)
    assert error_of(["show", "x"], 1).startswith("unexpected ZeroDivisionError: division by zero; this is a fault of")
    monkeypatch.setenv("HF_DISTILL_TRACEBACK", "1")
    with pytest.raises(ZeroDivisionError):
        run(["show", "x"])
