"""Units: the finished batches of a guided run, each a file."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from hf_distill.errors import UserError
from hf_distill.files import write_atomically
from hf_distill.runs.state_file import read_state, write_state


class Units:
    """The batches of one run, ``class-00002-00010.pt`` with pixels and seeds, and the mark that says whose they are.

    Args:
        folder: Where they are.
        config: What decides the result of the run, as text.
        shape: Shape of one image, ``(C, H, W)``.
    """

    def __init__(self, folder: Path, config: str, shape: tuple[int, ...]) -> None:
        self.folder = folder
        self.config = config
        self.shape = shape
        self._digest = hashlib.sha256(config.encode()).hexdigest()
        self._mark = folder / "config.json"

    def started(self) -> bool:
        """Whether there are some, or may be."""
        return self._mark.is_file()

    def start(self) -> None:
        """Say whose they are."""
        write_atomically(self._mark, self.config)

    def check(self, resume: bool) -> None:
        """Refuse those of another run.

        Raises:
            UserError: They are, or nobody wants to go on with them.
        """
        if not resume:
            raise UserError(
                f"{self.folder} holds an unfinished run: add --resume=true to go on with it or --overwrite=true "
                "to start over"
            )
        # Older versions wrote the mark in place: a crash left a part of it. Every batch says itself whose it is.
        if not self.config.startswith(self._mark.read_text(errors="replace")):
            raise UserError(
                f"{self.folder} belongs to a run with another configuration: restore it, or start over with "
                "--overwrite=true or in another --output_dir"
            )

    def read(self, label: int, start: int, seeds: list[int]) -> dict[str, Any] | None:
        """Return pixels ``(B, C, H, W)`` and seeds of a batch, or None where it is still to be made.

        Args:
            label: The class.
            start: Its first anchor.
            seeds: Of its samples.

        Raises:
            UserError: The file is damaged, or that of another run.
        """
        path = self._path(label, start)
        if not path.is_file():
            return None
        remedy = "delete it, and the batch is made again"
        unit = read_state(path, "the batch", remedy)
        pixels = unit.get("pixels") if isinstance(unit, dict) else None
        shape = (len(seeds), *self.shape)
        whole = isinstance(pixels, Tensor) and pixels.dtype == torch.uint8 and pixels.shape == shape
        if not whole or unit.get("seeds") != seeds:
            raise UserError(f"{path} does not hold this batch, {len(seeds)} images of {self.shape}: {remedy}")
        if unit.get("run") != self._digest:
            raise UserError(f"{path} belongs to a run with another configuration: {remedy}")
        return {"pixels": pixels, "seeds": seeds}

    def write(self, label: int, start: int, unit: dict[str, Any]) -> None:
        """Keep the pixels and seeds of a batch."""
        write_state(self._path(label, start), {**unit, "run": self._digest})

    def _path(self, label: int, start: int) -> Path:
        return self.folder / f"class-{label:05d}-{start:05d}.pt"
