"""A replaced folder is always whole: across errors, kills and full disks."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from hf_distill.errors import UserError
from hf_distill.hub import storage
from hf_distill.hub.storage import recover, refuse_foreign, replace_folder

FILES = ("a", "b", "c/d")
# Writes version after version, each file of a version holding its number.
WRITER = """
import sys, itertools
from hf_distill.hub.storage import replace_folder
print("ready", flush=True)
for number in itertools.count(int(sys.argv[2])):
    with replace_folder(sys.argv[1], keep=lambda name: name == "checkpoints") as stage:
        (stage / "c").mkdir()
        for name in ("a", "b", "c/d"):
            (stage / name).write_text(str(number))
"""


def write(folder: Path, text: str, keep: tuple[str, ...] = ()) -> None:
    with replace_folder(folder, keep=lambda name: name in keep) as stage:
        (stage / "c").mkdir()
        for name in FILES:
            (stage / name).write_text(text)


def read(folder: Path) -> set[str]:
    return {(folder / name).read_text() for name in FILES}


def beside(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.parent.iterdir() if entry != folder)


@pytest.fixture(params=["exchange", "two renames"])
def folder(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to replace, on a system with and without ``renameat2``."""
    if request.param == "two renames":
        monkeypatch.setattr(storage, "_exchange", lambda first, second: False)
    return tmp_path / "parent" / "set"


def test_makes_and_replaces(folder: Path) -> None:
    write(folder, "old")
    write(folder, "new")
    assert read(folder) == {"new"}
    assert beside(folder) == []


def test_an_error_in_the_block_changes_nothing(folder: Path) -> None:
    write(folder, "old")
    with pytest.raises(ZeroDivisionError), replace_folder(folder, keep=lambda name: False) as stage:
        (stage / "a").write_text("new")
        raise ZeroDivisionError
    assert read(folder) == {"old"}
    assert beside(folder) == []


def test_an_error_of_the_disk_is_one_line(folder: Path) -> None:
    write(folder, "old")
    with (
        pytest.raises(UserError, match=r"No space left on device.*choose another folder") as caught,
        replace_folder(folder, keep=lambda name: False),
    ):
        raise OSError(28, os.strerror(28))
    assert "\n" not in str(caught.value)
    assert read(folder) == {"old"}


def test_keeps_what_it_is_told_to(folder: Path) -> None:
    write(folder, "old")
    (folder / "checkpoints" / "step-1").mkdir(parents=True)
    (folder / "checkpoints" / "step-1" / "state").write_text("weights")
    (folder / "note").symlink_to("checkpoints/step-1/state")
    (folder / "other").write_text("goes")
    write(folder, "new", keep=("checkpoints", "note"))
    assert read(folder) == {"new"}
    assert (folder / "checkpoints" / "step-1" / "state").read_text() == "weights"
    assert (folder / "note").is_symlink() and (folder / "note").read_text() == "weights"
    assert not (folder / "other").exists()


def test_follows_a_link_to_the_folder(folder: Path) -> None:
    write(folder, "old")
    link = folder.parent / "link"
    link.symlink_to(folder)
    write(link, "new")
    assert link.is_symlink() and read(folder) == {"new"}


def test_recovers_between_two_renames(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    write(folder, "old")
    os.rename(folder, storage._previous(folder))
    recover(folder)
    assert read(folder) == {"old"}


def test_recovers_after_two_renames(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    write(folder, "new")
    write(storage._previous(folder), "old")
    recover(folder)
    assert read(folder) == {"new"} and beside(folder) == []


def test_a_failed_second_rename_is_undone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, rename = tmp_path / "set", os.rename
    write(folder, "old")

    def refuse(source: Path, target: Path) -> None:
        if str(source).endswith(".partial"):
            raise OSError(5, "Input/output error")
        rename(source, target)

    monkeypatch.setattr(storage, "_exchange", lambda first, second: False)
    monkeypatch.setattr(os, "rename", refuse)
    with pytest.raises(UserError, match="Input/output error"):
        write(folder, "new")
    assert read(folder) == {"old"} and beside(folder) == []


def test_the_exchange_is_atomic_for_readers(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    write(folder, "0")
    with subprocess.Popen([sys.executable, "-c", WRITER, str(folder), "1"], stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None and writer.stdout.readline()
        deadline, seen = time.monotonic() + 0.5, set()
        while time.monotonic() < deadline:
            seen.add((folder / "c" / "d").read_text())  # never FileNotFoundError
        writer.kill()
    assert len(seen) > 1


def test_killed_at_any_moment_the_folder_is_whole(tmp_path: Path) -> None:
    folder, draw = tmp_path / "set", random.Random(0)
    write(folder, "0")
    (folder / "checkpoints").mkdir()
    (folder / "checkpoints" / "state").write_text("weights")
    for _ in range(12):
        (version,) = read(folder)
        argv = [sys.executable, "-c", WRITER, str(folder), str(int(version) + 1)]
        with subprocess.Popen(argv, stdout=subprocess.PIPE) as writer:
            assert writer.stdout is not None and writer.stdout.readline()
            time.sleep(draw.uniform(0, 0.03))
            writer.send_signal(signal.SIGKILL)
        assert len(read(folder)) == 1
        assert (folder / "checkpoints" / "state").read_text() == "weights"
    write(folder, "last")
    assert read(folder) == {"last"} and beside(folder) == [], "leftovers of killed writers are removed"


def test_refuses_what_is_not_ours(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(UserError, match=r"not empty and holds no distilled dataset \(found thesis.tex\)"):
        refuse_foreign(tmp_path, marker="marker.json", allowed=())
    with pytest.raises(UserError, match="is a file"):
        refuse_foreign(tmp_path / "thesis.tex", marker="marker.json", allowed=())
    refuse_foreign(tmp_path, marker="marker.json", allowed=("thesis.tex",))
    refuse_foreign(tmp_path / "new", marker="marker.json", allowed=())
    (tmp_path / "marker.json").write_text("{}")
    refuse_foreign(tmp_path, marker="marker.json", allowed=())


LONG = ["a" * 255, "a" * 254 + "b", "é" * 127, "a" * 237, "a" * 238]


@pytest.mark.parametrize("name", LONG)
def test_a_name_may_be_as_long_as_the_file_system_allows(folder: Path, name: str) -> None:
    folder = folder.with_name(name)
    write(folder, "old")
    write(folder, "new")
    assert read(folder) == {"new"} and beside(folder) == []
    left = storage._hidden(folder, "0123abcd.partial")
    left.mkdir()
    os.rename(folder, storage._previous(folder))
    recover(folder)
    assert read(folder) == {"new"}
    write(folder, "newer")
    assert read(folder) == {"newer"} and beside(folder) == []


def test_long_names_that_begin_alike_do_not_share_what_lies_beside_them(tmp_path: Path) -> None:
    one, other = (tmp_path / name for name in LONG[:2])
    write(one, "one")
    os.rename(one, storage._previous(one))
    recover(other)
    write(other, "other")
    recover(one)
    assert read(one) == {"one"} and read(other) == {"other"}


def test_the_folder_that_the_process_stands_in_stays_the_same_folder(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(folder, "old")
    (folder / "mine").write_text("mine")
    (folder / "gone").write_text("old")
    monkeypatch.chdir(folder)
    node = folder.stat().st_ino
    with replace_folder(".", keep=lambda name: name == "mine", last="a") as stage:
        (stage / "c").mkdir()
        (stage / "e").write_text("new")
        for name in FILES:
            (stage / name).write_text("new")
    assert folder.stat().st_ino == node == os.stat(".").st_ino
    assert sorted(entry.name for entry in Path().iterdir()) == ["a", "b", "c", "e", "mine"]
    assert read(Path()) == {"new"} and beside(folder) == []
    monkeypatch.chdir("c")
    write(folder, "newer", keep=("mine",))
    assert folder.stat().st_ino == node and read(folder) == {"newer"} and (folder / "mine").read_text() == "mine"


def test_a_record_changes_last_where_entries_change_one_by_one(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(folder, "old")
    monkeypatch.chdir(folder)
    replace = os.replace
    seen: list[str] = []

    def watched(source: Path, target: Path) -> None:
        replace(source, target)
        seen.append((folder / "a").read_text())

    monkeypatch.setattr(os, "replace", watched)
    with replace_folder(folder, keep=lambda name: False, last="a") as stage:
        for name in ("a", "b", "z"):
            (stage / name).write_text("new")
    assert seen == ["old", "old", "new"]


def test_paths_that_are_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "one").symlink_to(tmp_path / "two")
    (tmp_path / "two").symlink_to(tmp_path / "one")
    for path in (tmp_path / "one", tmp_path / "one" / "set", tmp_path / ("a" * 256), "a\0b"):
        for use in (recover, lambda p: write(p, "x"), lambda p: refuse_foreign(p, marker="m", allowed=())):
            with pytest.raises(UserError, match="cannot be a path") as caught:
                use(path)
            assert "\n" not in str(caught.value)
    (tmp_path / "file").write_text("mine")
    with pytest.raises(UserError, match="is a file"):
        write(tmp_path / "file", "x")
    assert (tmp_path / "file").read_text() == "mine"
    monkeypatch.setenv("HOME", str(tmp_path))
    write(Path("~/set"), "new")
    assert read(tmp_path / "set") == {"new"}
