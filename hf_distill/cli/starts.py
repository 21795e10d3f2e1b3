"""The start of a run, kept beside it: what a method began with is the first baseline of what it ended with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hf_distill.cli.parsing import run_folder
from hf_distill.data.base import Data
from hf_distill.errors import DistillError
from hf_distill.hub.artifact import DistilledDataset
from hf_distill.training.method import Method, Run

_FOLDER = "start"


def save_start(method: Method, real: Data, run: Run) -> None:
    """Write the samples that a method started from into the run folder, stored as its set is.

    Args:
        method: What made the set.
        real: Its data.
        run: Its run.
    """
    start = method.start(real, run)
    if start is not None and run.folder is not None:
        made = DistilledDataset.from_synthetic(start, config=_described(run.config), seed=run.seed)
        made.save_pretrained(run.folder / _FOLDER)


def read_start(output_dir: Path, recorded: dict[str, Any]) -> DistilledDataset | None:
    """Return the start of the run that made a set, or None where there is none, or that of another run.

    Args:
        output_dir: The set's folder.
        recorded: The configuration in its record.
    """
    folder = run_folder(output_dir) / _FOLDER
    try:
        start = DistilledDataset.from_pretrained(folder) if folder.is_dir() else None
    except DistillError:
        return None
    return start if start is not None and start.config == _described(recorded) else None


def _described(config: dict[str, Any]) -> dict[str, Any]:
    """Return the configuration of the start of a run: its method without what was learned."""
    options = (config.get("method") or {}).get("init_args") or {}
    parts = {name: options.get(name) for name in ("synthetic", "initial")}
    method = {"class_path": "Undistilled", "init_args": parts}
    return {"method": method, "data": config.get("data"), "seed": config.get("seed")}
