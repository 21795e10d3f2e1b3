"""Checkpoints of an unfinished run: written whole or not at all."""

from __future__ import annotations

import os
import pickle
import shutil
import zipfile
from pathlib import Path
from typing import Any

import torch

from hf_distill.errors import UserError

_KEEP = 2


class Checkpoints:
    """The checkpoints of one run, ``step-00000120.pt`` and so on; the last two are kept.

    Args:
        folder: Where they are.
        config: What decides the result of the run; a checkpoint of another one is refused.
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

    def save(self, step: int, state: dict[str, Any]) -> Path:
        """Write a checkpoint beside the others, then remove the oldest."""
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"step-{step:08d}.pt"
        partial = path.with_suffix(".partial")
        try:
            with open(partial, "wb") as file:
                torch.save({"step": step, "config": self.config, "state": state}, file)
                file.flush()
                os.fsync(file.fileno())
            os.replace(partial, path)
        finally:
            partial.unlink(missing_ok=True)
        for old in self.paths()[:-_KEEP]:
            old.unlink()
        return path

    def load(self, path: Path) -> tuple[int, dict[str, Any]]:
        """Return the step and the state.

        Raises:
            UserError: The checkpoint belongs to another configuration or cannot be read.
        """
        try:
            # torch.load takes anything that is no zip file for an old pickle, with errors of any kind.
            if not zipfile.is_zipfile(path):
                raise pickle.UnpicklingError("not a checkpoint")
            saved = torch.load(path, map_location="cpu", weights_only=True)
        except (OSError, RuntimeError, EOFError, pickle.UnpicklingError) as error:
            raise UserError(f"cannot read the checkpoint {path}: delete it and resume from the one before") from error
        changed = sorted(_differences(saved["config"], self.config))
        if changed:
            raise UserError(
                f"{path} belongs to a run with another {', '.join(changed)}: restore it, or start over with "
                "--overwrite=true or in another --output_dir"
            )
        return saved["step"], saved["state"]

    def clear(self) -> None:
        """Remove all checkpoints, once the artifact is written."""
        shutil.rmtree(self.folder, ignore_errors=True)


def _differences(old: Any, new: Any, path: str = "") -> list[str]:
    if isinstance(old, dict) and isinstance(new, dict):
        keys = old.keys() | new.keys()
        return [item for key in keys for item in _differences(old.get(key), new.get(key), f"{path}.{key}".strip("."))]
    return [] if old == new else [path]
