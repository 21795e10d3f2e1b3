"""Folders as people name them: here, at home, with long names, through links."""

import json
from pathlib import Path

import pytest

from hf_distill.cli.main import run
from hf_distill.hub import DistilledDataset

QUIET = ["--progress=false"]


def test_a_set_in_the_current_folder(config, tmp_path, monkeypatch, capsys):
    here = tmp_path / "here"
    here.mkdir()
    words = ["distill", "--config", str(tmp_path / config), *QUIET]
    monkeypatch.chdir(here)
    inode = here.stat().st_ino
    assert run([*words, "--output_dir=."]) == 0
    assert run(["evaluate", ".", *QUIET]) == 0 and run(["show", "."]) == 0
    # Whoever stands in it still does.
    assert here.stat().st_ino == inode and Path.cwd() == here
    assert json.loads(Path("evaluation.json").read_text())["rows"][0]["seeds"] == 2
    assert len(DistilledDataset.from_pretrained(".")) == 20
    assert "20 samples" in capsys.readouterr().out


def test_home_links_and_long_names(config, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    words = ["distill", "--config", config, *QUIET]
    assert run([*words, "--output_dir=~/sets/one"]) == 0
    assert run(["evaluate", "~/sets/one", *QUIET]) == 0 and run(["show", "~/sets/one"]) == 0
    assert (tmp_path / "home/sets/one/evaluation.json").is_file() and not Path("~").exists()
    long = "x" * 240
    assert run([*words, f"--output_dir={long}"]) == 0 and run(["evaluate", long, *QUIET]) == 0
    Path("link").symlink_to(tmp_path / "home/sets/one")
    assert run(["evaluate", "link", *QUIET]) == 0 and Path("link").is_symlink()


@pytest.mark.parametrize("name", ["y" * 256, "z" * 252])
def test_names_that_no_folder_can_have_are_refused_before_the_work(name, config, error_of):
    message = error_of(["distill", "--config", config, *QUIET, f"--output_dir={name}"])
    assert "too long" in message and not Path("outputs").exists()


def test_links_in_a_circle_files_and_full_folders(config, error_of, tmp_path):
    Path("a").symlink_to("b")
    Path("b").symlink_to("a")
    Path("file").write_text("mine")
    Path("full").mkdir()
    Path("full/thesis.txt").write_text("mine")
    for name in ("a", "a/b", "file", "file/deeper", "full"):
        error_of(["distill", "--config", config, *QUIET, f"--output_dir={name}"], 1, 2)
        error_of(["evaluate", name, *QUIET], 1, 2)
        error_of(["show", name], 1, 2)
        error_of(["push", name, "--repo_id=me/set"], 1, 2)
    assert Path("file").read_text() == Path("full/thesis.txt").read_text() == "mine"
