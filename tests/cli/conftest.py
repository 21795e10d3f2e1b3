"""A tiny configuration of the digits, and errors that must be one line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from hf_distill.cli.main import run

CONFIG = {
    "data": {"class_path": "RealData", "init_args": {"path": "digits"}},
    "method": {
        "class_path": "OptimizedDistillation",
        "init_args": {
            "synthetic": {"class_path": "PixelSet", "init_args": {"per_class": 2}},
            "objective": {
                "class_path": "DistributionMatching",
                "init_args": {
                    "pool": {
                        "class_path": "FreshNetworks",
                        "init_args": {"network": {"class_path": "ConvNet", "init_args": {"width": 4, "depth": 1}}},
                    },
                    "real_per_class": 8,
                },
            },
            "steps": 4,
            "checkpoint_every": 2,
        },
    },
    "evaluator": {
        "class_path": "ClassificationEvaluator",
        "init_args": {
            "networks": [{"class_path": "ConvNet", "init_args": {"width": 4, "depth": 1}}],
            "seeds": 2,
            "recipe": {"epochs": 2},
        },
    },
}


@pytest.fixture
def config(tmp_path, monkeypatch) -> str:
    """The tiny configuration in a folder that is the working directory."""
    monkeypatch.chdir(tmp_path)
    Path("tiny.yaml").write_text(yaml.safe_dump(CONFIG))
    return "tiny.yaml"


ErrorOf = Callable[..., str]


@pytest.fixture
def error_of(capsys) -> ErrorOf:
    """Run a command that must fail and return its message, which must be one line."""

    def message(argv: list[str], *codes: int) -> str:
        capsys.readouterr()
        assert run(argv) in (codes or (2,))
        lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("hf-distill: error: ")]
        assert len(lines) == 1
        return lines[0].removeprefix("hf-distill: error: ")

    return message
