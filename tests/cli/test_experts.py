"""``hf-distill experts``: from the command line, and from the configuration of a method."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from hf_distill.cli.main import run

TINY = ["--experts.network=ConvNet", "--experts.network.width=4", "--experts.network.depth=1"]
TINY += ["--experts.recipe.epochs=2", "--experts.recipe.batch_size=1500", "--experts.count=2"]
COMMAND = ["experts", "--data.path=digits", "--progress=false", *TINY]


def contents(folder):
    return {path.name: path.read_bytes() for path in Path(folder).iterdir()}


def test_trains_resumes_and_replaces_only_when_told_to(tmp_path, monkeypatch, capsys, error_of):
    monkeypatch.chdir(tmp_path)
    assert run([*COMMAND, "--seed=1"]) == 0
    assert "outputs/experts_digits: 2 experts of ConvNet, 3 snapshots of each" in capsys.readouterr().out
    whole = contents("outputs/experts_digits")
    card = whole["README.md"].decode()
    assert "2 networks `ConvNet`" in card and "| snapshots of each | 3 |" in card and "license: cc-by-4.0" in card
    assert "holds 2 experts: add --resume=true to keep them" in error_of([*COMMAND, "--seed=1"])
    Path("outputs/experts_digits/expert-00000.safetensors").unlink()
    assert "holds experts of another seed" in error_of([*COMMAND, "--resume=true"])
    assert run([*COMMAND, "--seed=1", "--resume=true"]) == 0 and contents("outputs/experts_digits") == whole
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("years of work")
    assert "mine is not empty and holds no experts" in error_of([*COMMAND, "--output_dir=mine"])


def test_a_configuration_says_what_its_experts_are(tmp_path, monkeypatch, capsys, error_of):
    monkeypatch.chdir(tmp_path)
    network = {"class_path": "ConvNet", "init_args": {"width": 4, "depth": 1}}
    experts = {"network": network, "count": 1, "recipe": {"epochs": 3, "batch_size": 1500}}
    pool = {"folder": "mine", "experts": {"class_path": "ExpertTraining", "init_args": experts}}
    options = {"pool": {"class_path": "StoredExperts", "init_args": pool | {"epochs": 1, "max_start_epoch": 2}}}
    objective = {"class_path": "TrajectoryMatching", "init_args": options}
    method = {"class_path": "OptimizedDistillation", "init_args": {"objective": objective, "steps": 1}}
    Path("tiny.yaml").write_text(yaml.safe_dump({"data": {"class_path": "RealData"}, "method": method}))
    distill = ["distill", "--config=tiny.yaml", "--progress=false", "--output_dir=set"]
    assert "mine holds no experts: train them with hf-distill experts" in error_of(distill)
    assert run(["experts", "--config=tiny.yaml", "--progress=false"]) == 0
    assert "mine: 1 experts of ConvNet, 4 snapshots" in capsys.readouterr().out
    assert run(distill) == 0
    changed = [*distill, "--overwrite=true", "--method.objective.pool.experts.network.width=5"]
    assert "mine holds experts of another network.init_args.width" in error_of(changed)
    assert "say once what is trained" in error_of(["experts", "--config=tiny.yaml", *TINY])
    assert "(found 0)" in error_of(["experts", "--data.path=digits"])


@pytest.mark.slow
def test_killed_it_goes_on(tmp_path):
    command = [sys.executable, "-m", "hf_distill", *COMMAND, "--experts.count=12", "--output_dir=experts"]
    command += ["--experts.network.width=64", "--experts.recipe.epochs=10"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(__file__).parents[2])}
    process = subprocess.Popen(command, cwd=tmp_path, env=environment)
    while not list(tmp_path.glob("experts/expert-*.safetensors")):
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    kept = {path.name: path.read_bytes() for path in tmp_path.glob("experts/expert-*.safetensors")}
    subprocess.run([*command, "--resume=true"], cwd=tmp_path, env=environment, check=True)
    subprocess.run([*command, "--output_dir=whole"], cwd=tmp_path, env=environment, check=True)
    whole = contents(tmp_path / "whole")
    assert 0 < len(kept) < 12 and kept.items() <= whole.items() and contents(tmp_path / "experts") == whole
