"""A set's record is data: no command runs what it names, whoever wrote it and wherever it lies."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import hf_distill
from hf_distill.cli.main import run
from hf_distill.cli.records import check_record
from hf_distill.errors import UserError
from tests.cli.conftest import CONFIG

CONVNET = CONFIG["evaluator"]["init_args"]["networks"][0]
# What a stranger's module does when it is imported, and when anything in it is called.
EVIL = """
import pathlib
pathlib.Path({marker!r}).write_text("imported")
def build(*args, **kwargs):
    raise SystemExit("called")
class Net:
    pass
"""


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A folder with a finished set and its run."""
    folder = tmp_path_factory.mktemp("finished")
    (folder / "tiny.yaml").write_text(yaml.safe_dump(CONFIG))
    words = ["--progress=false", f"--output_dir={folder / 'tiny'}"]
    assert run(["distill", "--config", str(folder / "tiny.yaml"), *words]) == 0
    return folder


@pytest.fixture
def hostile(finished, tmp_path, monkeypatch):
    """Write a set whose record has another evaluator or data; importable modules beside it leave a mark."""
    shutil.copytree(finished, tmp_path / "outputs")
    folder, marker = tmp_path / "outputs" / "tiny", tmp_path / "marker"
    for name in ("evil", "metric"):
        for place in (tmp_path, folder, folder / name):
            place.mkdir(exist_ok=True)
            (place / f"{name}.py").write_text(EVIL.format(marker=str(marker)))
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.chdir(folder)

    def tamper(changes, into=("distillation.json",)):
        record = json.loads((folder / "distillation.json").read_text())
        for key, value in changes.items():
            record["config"][key] = value
        (folder / "distillation.json").write_text(json.dumps(record))
        if "config.yaml" in into:
            Path(f"{folder}.run/config.yaml").write_text(yaml.safe_dump(record["config"]))
        return folder

    tamper.marker = marker
    yield tamper
    for name in ("evil", "metric"):
        sys.modules.pop(name, None)


def evaluator(**init_args):
    return {"class_path": "ClassificationEvaluator", "init_args": {"seeds": 1, "recipe": {"epochs": 1}, **init_args}}


def popen(marker):
    return {"class_path": "subprocess.Popen", "init_args": {"args": ["touch", str(marker)]}}


HOSTILE = {
    "metric folder": lambda marker: {"evaluator": evaluator(metrics=["./metric"])},
    "metric among others": lambda marker: {"evaluator": evaluator(metrics=["accuracy", "metric"])},
    "metric of the Hub": lambda marker: {"evaluator": evaluator(metrics=["someone/x"])},
    "metrics as text": lambda marker: {"evaluator": evaluator(metrics="metric")},
    "own network": lambda marker: {
        "evaluator": evaluator(networks=[{"class_path": "CustomNetwork", "init_args": {"function": "evil:build"}}])
    },
    "own network in full": lambda marker: {
        "evaluator": evaluator(
            networks=[{"class_path": "hf_distill.CustomNetwork", "init_args": {"function": "evil:build"}}]
        )
    },
    "foreign network": lambda marker: {"evaluator": evaluator(networks=[{"class_path": "evil.Net"}])},
    "foreign network by its name": lambda marker: {"evaluator": evaluator(networks=["evil.Net"])},
    "file of a network": lambda marker: {"evaluator": evaluator(networks=["./evil.yaml"])},
    "foreign evaluator": lambda marker: {"evaluator": {"class_path": "evil.Net"}},
    "evaluator by its name": lambda marker: {"evaluator": "evil.Net"},
    "foreign data": lambda marker: {"data": {"class_path": "evil.Net"}},
    "module of ours": lambda marker: {"evaluator": {"class_path": "hf_distill.cli.main.run"}},
    "process": lambda marker: {"evaluator": popen(marker)},
    "process in a plain value": lambda marker: {
        "evaluator": evaluator(networks=[CONVNET | {"init_args": {"width": popen(marker)}}])
    },
    "process in a configuration": lambda marker: {
        "evaluator": evaluator(
            networks=[
                {"class_path": "TransformersClassifier", "init_args": {"model": {"model_type": popen(marker)}}},
            ]
        )
    },
    "code of a configuration": lambda marker: {
        "evaluator": evaluator(
            networks=[
                {
                    "class_path": "TransformersClassifier",
                    "init_args": {"model": {"model_type": "vit", "auto_map": {"AutoModel": "evil.Net"}}},
                }
            ]
        )
    },
    "path of a configuration": lambda marker: {
        "evaluator": evaluator(networks=[{"class_path": "TransformersClassifier", "init_args": {"model": "evil"}}])
    },
    "model of the Hub": lambda marker: {
        "evaluator": evaluator(
            feature_metrics={
                "class_path": "FeatureMetrics",
                "init_args": {
                    "extractor": {"class_path": "PretrainedFeatures", "init_args": {"model": "someone/x"}},
                },
            }
        )
    },
    "keywords of a parser": lambda marker: {
        "evaluator": evaluator() | {"dict_kwargs": {"x": popen(marker)}},
    },
    "number for a class": lambda marker: {"evaluator": {"class_path": 3}},
    "list for options": lambda marker: {"evaluator": {"class_path": "ClassificationEvaluator", "init_args": [1]}},
    "recipe by its name": lambda marker: {"evaluator": evaluator(recipe="evil.Net")},
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_record_runs_no_code_and_fetches_none(case, hostile, error_of, hub):
    folder = hostile(HOSTILE[case](hostile.marker))
    before = (folder / "README.md").read_bytes()
    # The reader of all records refuses what is none, before anyone asks what it names.
    message = error_of(["evaluate", str(folder)], 1, 2)
    assert "set's record" in message or "does not describe a distilled dataset: config." in message
    assert not hostile.marker.exists() and not hub.repos
    assert "evil" not in sys.modules and "metric" not in sys.modules
    assert (folder / "README.md").read_bytes() == before


@pytest.mark.parametrize("case", ["own network", "metric folder", "foreign network"])
def test_nor_does_a_run_folder_that_came_with_it(case, hostile, error_of):
    folder = hostile(HOSTILE[case](hostile.marker), into=("distillation.json", "config.yaml"))
    assert "set's record" in error_of(["evaluate", str(folder)])
    assert not hostile.marker.exists()


@pytest.mark.parametrize("command", ["distill", "sweep", "train-generator"])
def test_nor_does_a_configuration_that_came_with_it(command, hostile, error_of):
    folder = hostile({})
    words = [command, "--config", str(folder / "config.yaml"), f"--output_dir={folder.parent / 'made'}"]
    for values in (HOSTILE["foreign data"](hostile.marker), {"method": popen(hostile.marker)}):
        (folder / "config.yaml").write_text(yaml.safe_dump(values))
        assert "set's record" in error_of(words) and not hostile.marker.exists()
    # Elsewhere it is the user's own, and trusted it is what it says.
    error_of([*words, "--trust_record=true"])
    assert "evil" not in sys.modules


def test_nor_does_the_folder_that_one_stands_in(hostile):
    """``python -m`` puts the current folder before every library."""
    folder = hostile({})
    for name in ("accelerate", "torch", "datasets", "evaluate", "sitecustomize_not", "yaml"):
        (folder / f"{name}.py").write_text(EVIL.format(marker=str(hostile.marker)))
    environment = {**os.environ, "PYTHONPATH": str(Path(hf_distill.__file__).parents[1]), "OMP_NUM_THREADS": "1"}
    for argv in (["show", "."], ["evaluate", ".", "--evaluator.seeds=0"]):
        done = subprocess.run(
            [sys.executable, "-m", "hf_distill", *argv], cwd=folder, env=environment, capture_output=True, text=True
        )
        assert "Traceback" not in done.stderr and not hostile.marker.exists(), done.stderr
    assert "evaluator.seeds is 0" in done.stderr


def test_the_user_may_trust_it_or_name_another(hostile, error_of, tmp_path, monkeypatch):
    (tmp_path / "mine.py").write_text(
        "import torch\ndef build(shape, classes):\n"
        "    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, classes))\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    network = {"class_path": "CustomNetwork", "init_args": {"function": "mine:build"}}
    folder = hostile({"evaluator": evaluator(networks=[network], baselines=["class_mean"])})
    assert "--trust_record=true" in error_of(["evaluate", str(folder)])
    assert run(["evaluate", str(folder), "--trust_record=true", "--progress=false"]) == 0
    rows = json.loads((folder / "evaluation.json").read_text())["rows"]
    assert [row["network"] for row in rows] == ["build"]
    named = ["--evaluator=ClassificationEvaluator", "--evaluator.seeds=1", "--evaluator.recipe.epochs=1"]
    networks = f"--evaluator.networks={json.dumps([CONVNET])}"
    assert run(["evaluate", str(folder), *named, networks, "--progress=false"]) == 0
    rows = json.loads((folder / "evaluation.json").read_text())["rows"]
    assert [row["network"] for row in rows] == ["ConvNet"]


def test_show_and_push_of_a_hostile_set_run_nothing(hostile, hub, capsys):
    folder = hostile(HOSTILE["own network"](hostile.marker))
    assert run(["show", str(folder)]) == 0
    assert run(["push", str(folder), "--repo_id=me/set"]) == 0
    assert not hostile.marker.exists() and "evil" not in sys.modules


def test_every_shipped_configuration_may_stand_in_a_record():
    for path in (Path(hf_distill.__file__).parents[1] / "configs").glob("*.yaml"):
        values = yaml.safe_load(path.read_text())
        for key in {"data", "evaluator"} & values.keys():
            check_record(values[key], key)
    with pytest.raises(UserError, match="no description of data"):
        check_record({}, "data")
