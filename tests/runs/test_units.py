"""The batches and latents of a guided run: resumed where they are its own, refused where they are not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from hf_distill.errors import UserError
from hf_distill.methods import GuidedDiffusion, Run
from hf_distill.runs.state_file import read_state, write_state
from tests.diffusion.pipelines import tiny_dit
from tests.methods.test_guided import OPTIONS, images


@pytest.fixture(scope="module")
def dit(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("dit")
    tiny_dit().save_pretrained(folder)
    return str(folder)


@pytest.fixture
def method(dit: str) -> GuidedDiffusion:
    return GuidedDiffusion(pipeline=dit, class_names={"b": "bee"}, **OPTIONS)


def fit(method: GuidedDiffusion, folder: Path, resume: bool = True) -> torch.Tensor:
    run = Run(folder=folder, progress=False, resume=resume)
    return method.fit(images(channels=3), run).pixels


def refused(method: GuidedDiffusion, folder: Path, path: Path, remedy: str) -> None:
    before = path.read_bytes()
    with pytest.raises(UserError) as caught:
        fit(method, folder)
    message = str(caught.value)
    assert str(path) in message and message.endswith(remedy) and "\n" not in message, message
    assert path.read_bytes() == before


def test_changed_files_are_named_and_made_again_once_deleted(method: GuidedDiffusion, tmp_path: Path) -> None:
    whole = fit(method, tmp_path, resume=False)
    draw = np.random.default_rng(0)
    for name, remedy in (("latents.pt", "it is made again"), ("generated/class-00001-00000.pt", "batch is made again")):
        path = tmp_path / name
        good = path.read_bytes()
        for place in (0, 20, 60, *draw.integers(100, len(good), 2), len(good) - 1):
            path.write_bytes(good[:place] + bytes([good[place] ^ 255]) + good[place + 1 :])
            refused(method, tmp_path, path, remedy)
        for content in (b"", good[:-1], good + b"\0"):
            path.write_bytes(content)
            refused(method, tmp_path, path, remedy)
        path.unlink()
        assert torch.equal(fit(method, tmp_path), whole)
        assert path.read_bytes() == good


ODD: dict[str, Any] = {
    "a number": lambda unit: 3,
    "no pixels": lambda unit: {"seeds": unit["seeds"], "run": unit["run"]},
    "pixels of another type": lambda unit: {**unit, "pixels": unit["pixels"].float()},
    "pixels of another shape": lambda unit: {**unit, "pixels": unit["pixels"][:, :1]},
    "pixels of another class": lambda unit: {**unit, "seeds": unit["seeds"][::-1]},
    "fewer pixels": lambda unit: {**unit, "pixels": unit["pixels"][:1], "seeds": unit["seeds"][:1]},
    "seeds of text": lambda unit: {**unit, "seeds": "1 2"},
    "another run's": lambda unit: {**unit, "run": "0" * 64},
}


def test_batches_and_latents_of_odd_structure(method: GuidedDiffusion, tmp_path: Path) -> None:
    whole = fit(method, tmp_path, resume=False)
    path = tmp_path / "generated" / "class-00000-00000.pt"
    unit = read_state(path, "", "")
    for change in ODD.values():
        write_state(path, change(unit))
        refused(method, tmp_path, path, "batch is made again")
    write_state(path, unit)
    path = tmp_path / "latents.pt"
    latents = read_state(path, "", "")
    for value in (latents[1:], latents.double(), latents[:, :1], {"latents": latents}, None):
        write_state(path, value)
        refused(method, tmp_path, path, "it is made again")
    write_state(path, latents)
    assert torch.equal(fit(method, tmp_path), whole)


def test_a_mark_that_was_cut_off_does_not_end_a_run(method: GuidedDiffusion, tmp_path: Path) -> None:
    whole = fit(method, tmp_path, resume=False)
    mark = tmp_path / "generated" / "config.json"
    text = mark.read_text()
    for length in (0, 1, len(text) // 2, len(text) - 1):
        mark.write_text(text[:length])
        assert torch.equal(fit(method, tmp_path), whole) and mark.read_text() == text
    mark.write_text("")
    # Whose the batches are stands in each of them.
    method.guidance_scale = 2.0
    with pytest.raises(UserError, match=r"class-00000-00000\.pt belongs to a run with another configuration"):
        fit(method, tmp_path)


def test_latents_are_not_left_to_a_run_of_other_data(method: GuidedDiffusion, tmp_path: Path, monkeypatch) -> None:
    """The end of a run, cut off between the two that it removes."""
    fit(method, tmp_path, resume=False)

    def ends(*args: object, **options: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("shutil.rmtree", ends)
        with pytest.raises(KeyboardInterrupt):
            method.finish(tmp_path)
    assert (tmp_path / "generated").is_dir() and not (tmp_path / "latents.pt").exists()
