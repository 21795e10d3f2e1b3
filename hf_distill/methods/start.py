"""The start of a run, kept beside it: what a method began with is the first baseline of what it ended with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hf_distill.errors import DistillError
from hf_distill.hub.artifact import DistilledDataset
from hf_distill.synthetic.base import Synthetic

_FOLDER = "start"


def save_start(synthetic: Synthetic, folder: Path, config: dict[str, Any], seed: int) -> None:
    """Write a set as it is before the first step, stored as it will be after the last.

    Args:
        synthetic: The set; it is given its last form for that.
        folder: The run folder.
        config: The run's configuration.
        seed: The run's seed.
    """
    synthetic.advance(1.0)
    DistilledDataset.from_synthetic(synthetic, config=_described(config), seed=seed).save_pretrained(folder / _FOLDER)


def read_start(folder: Path, recorded: dict[str, Any]) -> DistilledDataset | None:
    """Return the start of the run that made a set, or None where there is none, or that of another run.

    Args:
        folder: The run folder.
        recorded: The configuration in the set's record.
    """
    try:
        start = DistilledDataset.from_pretrained(folder / _FOLDER) if (folder / _FOLDER).is_dir() else None
    except DistillError:
        return None
    return start if start is not None and start.config == _described(recorded) else None


def _described(config: dict[str, Any]) -> dict[str, Any]:
    """Return the configuration of the start of a run: its method without what is learned."""
    options = (config.get("method") or {}).get("init_args") or {}
    parts = {name: options.get(name) for name in ("synthetic", "initial")}
    method = {"class_path": "Undistilled", "init_args": parts}
    return {"method": method, "data": config.get("data"), "seed": config.get("seed")}
