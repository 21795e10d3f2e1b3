"""Checkpoints of an unfinished run: written whole or not at all, and resumed only by the run that wrote them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from hf_distill.errors import UserError
from hf_distill.parts import differences
from hf_distill.runs.state_file import read_state, write_state

_KEEP = 2


class Checkpoints:
    """The checkpoints of one run, ``step-00000120.pt`` and so on; the last two are kept.

    Args:
        folder: Where they are.
        config: What decides the result of the run, JSON; a checkpoint of another one is refused.
    """

    def __init__(self, folder: Path, config: dict[str, Any]) -> None:
        self.folder = folder
        self.config = config

    def paths(self) -> list[Path]:
        """Return the checkpoints, oldest first."""
        return sorted(self.folder.glob("step-*.pt"))

    def latest(self) -> Path | None:
        """Return the newest checkpoint, if there is one."""
        return self.paths()[-1] if self.paths() else None

    def last_good(self) -> str:
        """Say what a run that failed can go on from."""
        last = self.latest()
        return f"the last good checkpoint is {last or 'none: it is before the first one'}"

    def save(self, step: int, state: dict[str, Any]) -> Path:
        """Write a checkpoint beside the others, then remove the oldest.

        Raises:
            OSError: The file system refused (full disk, no permission); the others are whole.
        """
        path = self.folder / f"step-{step:08d}.pt"
        try:
            write_state(path, {"step": step, "config": self.config, "state": state})
        except OSError as error:
            raise OSError(error.errno, f"{error.strerror or error}; {self.last_good()}", str(path)) from error
        for old in self.paths()[:-_KEEP]:
            old.unlink()
        return path

    def load(self, path: Path) -> tuple[int, dict[str, Any]]:
        """Return the step and the state.

        Raises:
            UserError: The checkpoint belongs to another configuration or cannot be read.
        """
        saved = read_state(path, "the checkpoint", self._remedy(path))
        try:
            step, config, state = saved["step"], saved["config"], saved["state"]
            json.dumps(config)
            plain = type(step) is int and step >= 0 and isinstance(config, dict) and isinstance(state, dict)
        except (TypeError, KeyError, IndexError, ValueError, RecursionError, RuntimeError):
            plain = False
        if not plain:
            raise UserError(f"{path} is no checkpoint: {self._remedy(path)}")
        changed = sorted(differences(config, self.config))
        if changed:
            raise UserError(
                f"{path} belongs to a run with another {', '.join(changed)}: restore it, or start over with "
                "--overwrite=true or in another --output_dir"
            )
        return step, state

    def begin(self, restore: Callable[[dict[str, Any]], object], *, steps: int, resume: bool, overwrite: bool) -> int:
        """Return the step to start with, after restoring the last checkpoint if that is wanted.

        Args:
            restore: Puts a state back in place; it may raise errors of any kind for one that does not fit.
            steps: Steps of the whole run.
            resume: Go on from the last checkpoint, if there is one.
            overwrite: Start over where there is one; it is removed.

        Raises:
            UserError: There is one and neither is wanted, or it does not belong to this run.
        """
        path = self.latest()
        if path is None:
            return 0
        if resume:
            step, state = self.load(path)
            try:
                restore(state)
            except UserError:
                raise
            except Exception as error:  # parts say in their own ways that a state is not theirs
                raise UserError(
                    f"{path} does not hold the state of this run ({type(error).__name__}): {self._remedy(path)}"
                ) from error
            if step > steps:
                raise UserError(f"{path} holds step {step} of {steps}: {self._remedy(path)}")
            return step
        if not overwrite:
            raise UserError(
                f"{self.folder} holds an unfinished run ({path.stem}): add --resume=true to go on with it or "
                "--overwrite=true to start over"
            )
        self.clear()
        return 0

    def clear(self) -> None:
        """Remove all checkpoints, once the artifact is written or where a run starts over."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _remedy(self, path: Path) -> str:
        before = [other for other in self.paths() if other < path]
        if before:
            return f"delete it, and --resume=true goes on from {before[-1].stem}"
        return "start over with --overwrite=true"


def load_optimizer(optimizer: torch.optim.Optimizer, state: dict[str, Any]) -> None:
    """Restore an optimiser; torch checks neither options nor shapes, which fail or mislead many steps later.

    Raises:
        ValueError: The state is that of other parameters, or of an optimiser with other options than ``lr``.
    """
    own = optimizer.state_dict()["param_groups"]
    for group, found in zip(own, state["param_groups"], strict=True):
        for name, value in group.items():
            if name != "lr" and found[name] != value:
                raise ValueError(f"{name} of the optimiser is {found[name]}")
    optimizer.load_state_dict(state)
    known = {parameter for group in optimizer.param_groups for parameter in group["params"]}
    for parameter, values in optimizer.state.items():
        for name, value in values.items():
            shape = tuple(value.shape) if isinstance(value, Tensor) else ()
            if parameter not in known or shape not in ((), tuple(parameter.shape)):
                raise ValueError(f"{name} of the optimiser is that of other parameters")
