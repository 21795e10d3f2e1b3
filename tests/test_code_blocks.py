"""Every code block of README and the documentation: commands are read, YAML is of parts that there are, scripts run."""

from __future__ import annotations

import ast
import functools
import importlib
import inspect
import itertools
import re
import shlex
import shutil
from pathlib import Path

import pytest
import yaml

import hf_distill
from hf_distill.cli.early import check_names
from hf_distill.cli.main import _LIGHT, COMMANDS, module_of, run
from hf_distill.configurations import configurations, located

ROOT = Path(__file__).parents[1]
TEXTS = [ROOT / name for name in ("README.md", "CONTRIBUTING.md")]
TEXTS += sorted([*(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").rglob("*.md")])
# What a reader brings along, or has made by the page before.
GIVEN = r"[\w-]+\.(?:csv|parquet)|my-\w+"


def blocks(kind):
    """Return page and text of every block of a kind."""
    found = []
    for path in TEXTS:
        texts = re.findall(rf"^ *```{kind}\n(.*?)^ *```", path.read_text(), re.S | re.M)
        found += [
            pytest.param(inspect.cleandoc(text), id=f"{path.relative_to(ROOT)}-{n}") for n, text in enumerate(texts)
        ]
    return found


def commands():
    """Return every command of the pages, with the line that is shown below it."""
    found = []
    for kind in ("console", "bash"):
        for block in blocks(kind):
            lines = [*block.values[0].replace("\\\n", " ").splitlines(), ""]
            for line, after in itertools.pairwise(lines):
                if line and (line.startswith("$ ") or kind == "bash"):
                    found.append(pytest.param(line.removeprefix("$ "), after, id=f"{block.id}-{line[:60]}"))
    return found


def test_every_block_is_of_a_kind_that_is_tested():
    for path in TEXTS:
        kinds = re.findall(r"^ *```(\w*)\n.*?^ *```$", path.read_text(), re.S | re.M)
        assert {*kinds} <= {"console", "bash", "python", "yaml"}, path


@functools.cache
def parser(command):
    return importlib.import_module(module_of(command)).build_parser()


def read(words, monkeypatch, tmp_path):
    """Let a command read its words, whole ones of distill and evaluate in the slow tests alone."""
    for word in re.findall(GIVEN, " ".join(words)):
        (tmp_path / word).touch()
    (tmp_path / "configs").symlink_to(ROOT / "configs")
    monkeypatch.chdir(tmp_path)
    return located(words)


@pytest.mark.parametrize("command, after", commands())
def test_a_command_is_one_that_there_is(command, after, monkeypatch, tmp_path, capsys):
    program, *words = shlex.split(command, comments=True)
    if program == "make":
        assert re.search(rf"^{words[0]}:", (ROOT / "Makefile").read_text(), re.M)
    elif program == "python":
        assert (ROOT / words[0]).is_file() or words[0] == "-m"
    elif program == "hf-distill":
        assert words[0] in COMMANDS
        rest = read(words[1:], monkeypatch, tmp_path)
        if words[0] not in _LIGHT:
            parser(words[0]).parse_args(rest)
        elif after.startswith("hf-distill: error: "):
            assert run(words) == 2 and capsys.readouterr().err == f"{after}\n"
        else:
            check_names(importlib.import_module(module_of(words[0])).build_parser, rest)
    else:
        assert program in (".ci/floors", "pip", "git", "cd", "source", "accelerate"), program


# Without a configuration the rest is chosen when the data are open.
WHOLE = [each for each in commands() if re.match("hf-distill distill .*--config", each.values[0])]


@pytest.mark.slow
@pytest.mark.parametrize("command, after", WHOLE)
def test_a_command_is_read_whole(command, after, monkeypatch, tmp_path):
    _, name, *words = shlex.split(command, comments=True)
    if not after.startswith("hf-distill: error: "):
        assert parser(name).parse_args(read(words, monkeypatch, tmp_path))


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_configuration_that_a_page_names_is_there(path):
    for name in re.findall(r"--config (?:configs/)?([\w-]+)(?:\.yaml)?\b", path.read_text()):
        assert name in configurations() or name.isupper(), name


@pytest.mark.parametrize("text", blocks("yaml"))
def test_yaml_is_of_parts_and_options_that_there_are(text):
    found = []

    def check(value):
        if isinstance(value, dict) and "class_path" in value:
            found.append(value["class_path"])
            known = inspect.signature(getattr(hf_distill, value["class_path"])).parameters
            assert value.get("init_args", {}).keys() <= known.keys(), value["class_path"]
        for each in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
            check(each)

    check(yaml.safe_load(text))
    assert found


@pytest.mark.parametrize("text", blocks("python"))
def test_a_script_imports_what_there_is(text):
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("hf_distill"):
            module = importlib.import_module(node.module)
            assert all(hasattr(module, alias.name) for alias in node.names)


# Those with a test of their own: tests/diffusion/test_schedulers.py, tests/test_docs.py.
ELSEWHERE = ("import DiTPipeline", "class FarSelector")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Return a folder with the sets that the scripts read, learned for a few steps."""
    import numpy as np
    import pandas as pd
    from datasets import Dataset, Features, Sequence, Value

    folder = tmp_path_factory.mktemp("pages")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        few = ["--method.steps=2", "--progress=false"]
        assert run(["distill", "--config", "dm_digits", *few]) == 0
        for name in ("outputs/digits_dm_2", "digits-small"):
            shutil.copytree("outputs/dm_digits", name)
        time = pd.date_range("2020-01-01", periods=1200, freq="h")
        values = np.sin(np.arange(1200)[:, None] / [3, 5]) + np.random.default_rng(0).normal(size=(1200, 2))
        frame = pd.DataFrame({"date": time, "HUFL": values[:, 0], "OT": values[:, 1]})
        frame.to_csv("ETTh1.csv", index=False)
        words = ["--data.splits=[700,950,1200]", "--method.objective.pool.size=1", *few]
        assert run(["distill", "--config", "hdt_etth1", "--data.path=ETTh1.csv", *words]) == 0
        beams = {"rsrp_db": values[:, :1].repeat(16, 1).tolist(), "beam": [row % 64 for row in range(1200)]}
        features = Features({"rsrp_db": Sequence(Value("float32"), 16), "beam": Value("int64")})
        Dataset.from_dict(beams, features=features).to_parquet("outputs/quadd_uma_beam/train.parquet")
    return folder


SCRIPTS = [block for block in blocks("python") if not any(words in block.values[0] for words in ELSEWHERE)]


@pytest.mark.slow
@pytest.mark.parametrize("text", SCRIPTS)
def test_a_script_runs(text, made, monkeypatch):
    monkeypatch.chdir(made)
    monkeypatch.syspath_prepend(str(made))
    for name in ("my_module", "my_network"):
        (made / f"{name}.py").write_text(
            "from torch import nn\n\n\ndef build(shape, classes):\n"
            "    return nn.Sequential(nn.Flatten(), nn.Linear(64, classes))\n"
        )
    text = text.replace("steps=500", "steps=2").replace("seeds=2)", "seeds=1).quick()")
    if 'folder="digits-small"' in text:
        shutil.rmtree("digits-small")
    exec(compile(text, "page", "exec"), {"__name__": "page"})
