"""What a shell completes, and what --quiet leaves to be said."""

from __future__ import annotations

import subprocess
import sys

import pytest

from hf_distill.cli.main import COMMANDS, run


def completed(script, words):
    """Return what bash offers for the last word."""
    lines = f"{script}\nCOMP_WORDS=({' '.join(words)})\nCOMP_CWORD={len(words) - 1}\n"
    lines += '_shtab_hf_distill\nprintf "%s\\n" "${COMPREPLY[@]}"'
    return subprocess.check_output(["bash", "-c", lines], text=True).split()


def test_bash_completes_commands_options_and_names(capsys):
    pytest.importorskip("shtab")
    assert run(["completion", "bash"]) == 0
    script = capsys.readouterr().out
    assert completed(script, ["hf-distill", "dis"]) == ["distill"]
    assert {*completed(script, ["hf-distill", "''"])} >= COMMANDS.keys()
    assert "--per_class" in completed(script, ["hf-distill", "distill", "--per"])
    assert completed(script, ["hf-distill", "distill", "--config", "dm_digits_"]) == ["dm_digits_ipc1"]
    assert completed(script, ["hf-distill", "distill", "--method", "Cor"]) == ["Coreset"]
    assert completed(script, ["hf-distill", "parts", "KCenter"]) == ["KCenterSelector"]


def test_shtab_that_is_missing_is_named(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "shtab", None)
    assert run(["completion", "bash"]) == 2
    assert "completion needs shtab: pip install 'hf-distill[completion]'" in capsys.readouterr().err


def test_quiet_says_errors_alone(capsys):
    assert run(["show", "not-there", "--quiet"]) == 2
    assert capsys.readouterr().err == "hf-distill: error: no folder not-there\n"
    assert run(["configs", "--quiet"]) == 0
    assert capsys.readouterr() == ("", "")


def test_quiet_shows_no_progress(monkeypatch):

    given = []
    monkeypatch.setattr("hf_distill.cli.evaluate.run", given.append)
    assert run(["evaluate", "--quiet", "you/set"]) == 0
    assert given == [["you/set", "--progress=false"]]
