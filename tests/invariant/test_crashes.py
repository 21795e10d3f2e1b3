"""Commands that are ended between two of their file operations; all of them are in benchmarks/attack_crashes.py."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

TOP = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("name", "points"),
    [
        pytest.param("train-generator", 3, marks=pytest.mark.slow),
        pytest.param("distill, optimized", 12, marks=pytest.mark.slow),
        pytest.param("distill, guided", 12, marks=pytest.mark.slow),
        pytest.param("evaluate", 12, marks=pytest.mark.slow),
        pytest.param("sweep", 12, marks=pytest.mark.slow),
    ],
)
def test_the_old_result_or_the_new_one_is_whole_and_it_goes_on(name: str, points: int, tmp_path: Path) -> None:
    command = [sys.executable, TOP / "benchmarks" / "attack_crashes.py", f"--scenario={name}", f"--points={points}"]
    environment = {**os.environ, "PYTHONPATH": str(TOP), "HF_HOME": str(tmp_path)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
