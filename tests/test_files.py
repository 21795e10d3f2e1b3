"""Files are whole or as they were, paths are read as people write them, and a locked folder has one owner."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from hf_distill.errors import UserError
from hf_distill.files import beside, locked, user_path, write_atomically


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_failed_write_leaves_the_old_content_and_nothing_else(step, tmp_path, monkeypatch):
    path = tmp_path / "deep" / "file"
    write_atomically(path, "first Ä")
    assert path.read_text(encoding="utf-8") == "first Ä"

    def full(*args):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, step, full)
        with pytest.raises(OSError, match="No space"):
            write_atomically(path, b"second")
    assert path.read_text(encoding="utf-8") == "first Ä" and os.listdir(path.parent) == ["file"]
    write_atomically(path, b"second")
    assert path.read_bytes() == b"second"


@pytest.mark.parametrize("name", ["a", "b" * 240, "ä" * 127])
def test_names_beside_fit_the_file_system(name, tmp_path):
    path = tmp_path / name
    write_atomically(path, b"x")
    made = beside(path, "12345678.partial")
    made.touch()
    assert len(made.name.encode()) <= 255 and made.name.startswith(".") and made.name.endswith(".12345678.partial")


def test_paths_as_people_write_them(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert user_path("~/x") == tmp_path / "x" and user_path(".") == tmp_path and user_path("a/../b") == tmp_path / "b"
    Path("one").symlink_to("two")
    Path("two").symlink_to("one")
    for wrong in ("one", "one/deeper", "x\x00y", "x" * 300, "~nobody_of_that_name/x"):
        with pytest.raises(UserError, match="cannot be a path") as error:
            user_path(wrong)
        assert "\n" not in str(error.value)


def test_a_lock_goes_with_its_process(tmp_path):
    code = f"""
import sys
from pathlib import Path
from hf_distill.files import locked
with locked(Path({str(tmp_path)!r})):
    print("held", flush=True)
    sys.stdin.read()
"""
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(UserError, match="another process is working in"), locked(tmp_path):
            pass
        other.kill()
        other.wait()
    with locked(tmp_path):
        pass
