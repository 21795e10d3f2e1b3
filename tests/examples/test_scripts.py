"""The examples run as they are."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from hf_distill import load_config

FOLDER = Path(__file__).parents[2] / "examples"


def imported(name):
    spec = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_parts_are_those_of_the_configuration():
    module, config = imported("in_parts"), load_config("dm_digits_ipc1")
    assert module.method.config() == config.method.config() and module.real.config() == config.data.config()
    assert module.evaluator.config() == config.evaluator.config()


def test_the_network_of_the_example_builds():
    import torch

    assert imported("own_network").build((1, 8, 8), 10)(torch.zeros(2, 1, 8, 8)).shape == (2, 10)


@pytest.mark.slow
def test_the_scripts_run(tmp_path):
    def run(name, *words):
        done = subprocess.run(
            [sys.executable, FOLDER / f"{name}.py", *words], cwd=tmp_path, capture_output=True, text=True, timeout=300
        )
        assert done.returncode == 0, done.stderr[-2000:]
        return done.stdout

    assert "A sketch" in run("digits") and "A sketch" in run("own_table")
    assert "20 samples, 100%" in run("train_on_a_set")
    assert "CustomNetwork" in run("own_network") or "build" in run("own_network")
