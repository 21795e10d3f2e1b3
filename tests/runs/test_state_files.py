"""Files of a run's state: what is not exactly what was written is one line and never a resumed run."""

from __future__ import annotations

import errno
import io
import os
import pickle
import subprocess
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from hf_distill.data import RealData
from hf_distill.diffusion import GeneratorTraining
from hf_distill.errors import UserError
from hf_distill.methods import OptimizedDistillation, Run
from hf_distill.networks import ConvNet
from hf_distill.objectives import DistributionMatching
from hf_distill.pools import FreshNetworks
from hf_distill.runs.checkpoint import Checkpoints
from hf_distill.runs.state_file import read_state, write_state
from hf_distill.synthetic import PixelSet

STATE = {"a": torch.arange(6.0).view(2, 3), "b": [1, {"c": None, "d": "text"}]}


def quiet(folder: Path, **options: bool) -> Run:
    return Run(folder=folder, progress=False, **options)


def method(**options: Any) -> OptimizedDistillation:
    objective = DistributionMatching(pool=FreshNetworks(network=ConvNet(width=4, depth=1)), real_per_class=4)
    defaults = {"steps": 4, "lr": 1.0, "optimizer": "adam", "checkpoint_every": 2, "preview_every": 0}
    return OptimizedDistillation(synthetic=PixelSet(per_class=1), objective=objective, **defaults | options)


@pytest.fixture(scope="module")
def digits() -> RealData:
    return RealData().setup()


@pytest.fixture
def run(digits: RealData, tmp_path: Path) -> tuple[Path, Path]:
    """Folder and newest checkpoint of a run."""
    method().fit(digits, quiet(tmp_path))
    return tmp_path, tmp_path / "checkpoints" / "step-00000004.pt"


def refused(act: Callable[[], object], *parts: str) -> None:
    with pytest.raises(UserError) as caught:
        act()
    message = str(caught.value)
    assert "\n" not in message and all(part in message for part in parts), message


def test_what_is_written_is_read(tmp_path: Path) -> None:
    write_state(tmp_path / "x.pt", STATE)
    read = read_state(tmp_path / "x.pt", "the file", "")
    assert torch.equal(read["a"], STATE["a"]) and read["b"] == STATE["b"]
    assert [path.name for path in tmp_path.iterdir()] == ["x.pt"]


def test_every_changed_byte_and_every_cut_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "x.pt"
    write_state(path, STATE)
    whole = path.read_bytes()
    header = whole.index(b"\n") + 1
    places = [*range(header + 8), *np.random.default_rng(0).integers(header, len(whole), 200), len(whole) - 1]
    for place in places:
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        refused(lambda: read_state(path, "the file", "do this"), f"cannot read the file {path}")
        path.write_bytes(whole[:place])
        refused(lambda: read_state(path, "the file", "do this"), str(path), ": do this")
    path.write_bytes(whole + b"\0")
    refused(lambda: read_state(path, "the file", "do this"), "damaged", ": do this")
    path.write_bytes(whole)
    assert read_state(path, "the file", "")["b"] == STATE["b"]


class Code:
    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.system, ("echo",)


def archive() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("data.pkl", "no pickle")
    return buffer.getvalue()


def saved(value: Any) -> bytes:
    buffer = io.BytesIO()
    torch.save(value, buffer)
    return buffer.getvalue()


CONTENT = {
    "empty": b"",
    "a line": b"hf_distill state\n",
    "text": b"half a file",
    "an older version's": saved({"step": 4, "config": {}, "state": {}}),
    "a pickle": pickle.dumps(Code()),
    "an archive": archive(),
    "a newer version's": b"hf_distill state 2 0 " + b"0" * 64 + b"\n",
    "a length of its own": b"hf_distill state 1 999999999999 " + b"0" * 64 + b"\n",
}


@pytest.mark.parametrize("name", CONTENT)
def test_files_of_another_kind(run: tuple[Path, Path], digits: RealData, name: str) -> None:
    folder, path = run
    path.write_bytes(CONTENT[name])
    resume = quiet(folder, resume=True)
    refused(lambda: method().fit(digits, resume), "cannot read the checkpoint", str(path))
    path.unlink()
    method().fit(digits, resume)


def test_a_huge_file_is_not_read(run: tuple[Path, Path], digits: RealData) -> None:
    folder, path = run
    with open(path, "r+b") as file:
        file.truncate(2**42)  # 4 TB of nothing
    refused(lambda: method().fit(digits, quiet(folder, resume=True)), str(path), "damaged")
    path.unlink()
    path.mkdir()
    refused(lambda: method().fit(digits, quiet(folder, resume=True)), str(path), "Is a directory")


def replaced(*keys: Any, value: Any = None, drop: bool = False) -> Callable[[dict], Any]:
    def change(whole: dict[str, Any]) -> dict[str, Any]:
        at: Any = whole
        for key in keys[:-1]:
            at = at[key]
        if drop:
            del at[keys[-1]]
        else:
            at[keys[-1]] = value
        return whole

    return change


ADAM = ("state", "optimizer", "state", 0)
ODD: dict[str, Callable[[dict], Any]] = {
    "a tensor": lambda whole: torch.zeros(3),
    "a number": lambda whole: 4,
    "nothing": lambda whole: None,
    "a list": lambda whole: [whole],
    "a step of text": replaced("step", value="4"),
    "a step that is true": replaced("step", value=True),
    "a step below zero": replaced("step", value=-1),
    "a step beyond the last": replaced("step", value=5),
    "a step of a tensor": replaced("step", value=torch.tensor(4)),
    "no step": replaced("step", drop=True),
    "no configuration": replaced("config", drop=True),
    "a configuration of tensors": replaced("config", "method", value=torch.zeros(2)),
    "a configuration that is a list": replaced("config", value=[1]),
    "no state": replaced("state", drop=True),
    "an empty state": replaced("state", value={}),
    "a state that is a list": replaced("state", value=[1]),
    "a set that is text": replaced("state", "synthetic", value="pixels"),
    "a set without pixels": replaced("state", "synthetic", "pixels", drop=True),
    "a set with more": replaced("state", "synthetic", "more", value=torch.zeros(1)),
    "pixels of another shape": replaced("state", "synthetic", "pixels", value=torch.zeros(20, 1, 8, 8)),
    "pixels that are a list": replaced("state", "synthetic", "pixels", value=[0.0]),
    "no optimiser": replaced("state", "optimizer", drop=True),
    "an optimiser that is a list": replaced("state", "optimizer", value=[]),
    "an optimiser without groups": replaced("state", "optimizer", "param_groups", value=[]),
    "an optimiser of another option": replaced("state", "optimizer", "param_groups", 0, "betas", value=(0.5, 0.9)),
    "an optimiser without an option": replaced("state", "optimizer", "param_groups", 0, "eps", drop=True),
    "an optimiser of other parameters": replaced(*ADAM, "exp_avg", value=torch.zeros(3)),
    "an optimiser of more parameters": replaced("state", "optimizer", "param_groups", 0, "params", value=[0, 1]),
    "no objective": replaced("state", "objective", drop=True),
    "an objective of nothing": replaced("state", "objective", value=[]),
    "an objective that is a number": replaced("state", "objective", value=3),
    "an objective of another kind": replaced("state", "objective", value=[{"x": torch.zeros(2)}]),
}


@pytest.mark.parametrize("name", ODD)
def test_checkpoints_of_odd_structure(run: tuple[Path, Path], digits: RealData, name: str) -> None:
    folder, path = run
    write_state(path, ODD[name](read_state(path, "the checkpoint", "")))
    before = path.read_bytes()
    refused(lambda: method().fit(digits, quiet(folder, resume=True)), str(path))
    assert path.read_bytes() == before
    method().fit(digits, quiet(folder, overwrite=True))


def test_a_resumed_run_goes_on_from_the_one_before_where_told_to(run: tuple[Path, Path], digits: RealData) -> None:
    folder, path = run
    whole = method().fit(digits, quiet(folder, resume=True)).pixels
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 255
    path.write_bytes(data)
    remedy = "delete it, and --resume=true goes on from step-00000002"
    refused(lambda: method().fit(digits, quiet(folder, resume=True)), remedy)
    path.unlink()
    assert torch.equal(method().fit(digits, quiet(folder, resume=True)).pixels, whole)
    (only,) = (folder / "checkpoints").glob("step-00000002.pt")
    only.write_bytes(b"")
    path.unlink()
    refused(lambda: method().fit(digits, quiet(folder, resume=True)), "start over with --overwrite=true")


def test_starting_over_removes_what_was_there(run: tuple[Path, Path], digits: RealData) -> None:
    """Checkpoints of a longer run would be newer than all of the new one."""
    folder, _ = run
    method(steps=2).fit(digits, quiet(folder, overwrite=True))
    assert [path.name for path in (folder / "checkpoints").iterdir()] == ["step-00000002.pt"]


def test_a_checkpoint_of_a_generator(digits: RealData, tmp_path: Path) -> None:
    training = GeneratorTraining(channels=[8], steps=2, batch_size=4, checkpoint_every=1)
    training.train(digits, folder=tmp_path, progress=False)
    path = tmp_path / "step-00000002.pt"
    good = read_state(path, "the checkpoint", "")
    for change in (
        replaced("state", "unet", value={}),
        replaced("state", "optimizer", "state", 0, "exp_avg", value=STATE["a"]),
    ):
        write_state(path, change(read_state(path, "the checkpoint", "")))
        refused(lambda: training.train(digits, folder=tmp_path, resume=True, progress=False), str(path))
        write_state(path, good)
    training.train(digits, folder=tmp_path, resume=True, progress=False)


GOOD = r"No space left on device; the last good checkpoint is .*step-00000002\.pt"


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 64 kB; a real one where this process may mount it."""
    folder = tmp_path / "disk"
    folder.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)], capture_output=True)
    if done.returncode:
        pytest.skip("may not mount a disk")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_leaves_the_last_good_checkpoint(tiny_disk: Path) -> None:
    checkpoints = Checkpoints(tiny_disk / "checkpoints", {})
    state = {"x": torch.zeros(6000)}  # 24 kB: two fit, the third does not before the first is gone
    checkpoints.save(1, state)
    checkpoints.save(2, state)
    with pytest.raises(OSError, match=GOOD) as caught:
        checkpoints.save(3, state)
    assert caught.value.errno == errno.ENOSPC
    assert [path.name for path in (tiny_disk / "checkpoints").iterdir()].count("step-00000003.pt") == 0
    assert torch.equal(checkpoints.load(checkpoints.paths()[-1])[1]["x"], state["x"])


def test_a_full_disk_is_told_as_it_is(digits: RealData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sync = os.fsync

    def full(handle: int) -> None:
        if list((tmp_path / "checkpoints").glob("*.pt")):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        sync(handle)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match=GOOD):
        method().fit(digits, quiet(tmp_path))
    monkeypatch.undo()
    assert [path.name for path in (tmp_path / "checkpoints").iterdir()] == ["step-00000002.pt"]
    method().fit(digits, quiet(tmp_path, resume=True))
