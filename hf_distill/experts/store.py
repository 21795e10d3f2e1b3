"""ExpertStore: a folder with the trajectories of experts."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from hf_distill.errors import UserError
from hf_distill.files import user_path, write_atomically
from hf_distill.parts import differences

#: The file that says what the experts of a folder are.
RECORD = "experts.json"
_VERSION = 1
# What experts must share with what asks for them: the recipe too, since the record of a set names it.
_SHARED = ("network", "recipe", "data", "weights")
_ABOUT = "hf_distill"
_AGAIN = "delete it, and hf-distill experts with --resume=true makes it again"


@dataclass(frozen=True)
class ExpertStore:
    """The trajectories of a folder, ``expert-00000.safetensors`` and so on, and the record that says whose they are.

    A file holds every weight by its name, ``(epochs + 1, *shape)``: as it was before the first step and after every
    epoch. It is written whole or not at all, and carries the digest of its numbers and that of the record.

    Attributes:
        folder: Where they are.
        record: What made them, JSON: ``network``, ``recipe``, ``seed``, ``data``, ``epochs``, ``weights`` (shapes).

    Examples:
        >>> import tempfile
        >>> from pathlib import Path
        >>> from hf_distill import MLP, ExpertStore, ExpertTraining, RealData, Recipe
        >>> real, training = RealData().setup(), ExpertTraining(network=MLP(width=4), recipe=Recipe(epochs=1), count=2)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     store = ExpertStore.begin(Path(folder), training.describe(real), resume=False, overwrite=False)
        ...     training.train(real, store, progress=False), store.read(0, epoch=1)["head.bias"].shape
        ([0, 1], torch.Size([10]))
    """

    folder: Path
    record: dict[str, Any]

    @classmethod
    def open(cls, folder: str | Path) -> ExpertStore:
        """Read the record of a folder.

        Raises:
            UserError: There is none, or it cannot be read.
        """
        path = user_path(folder) / RECORD
        if not path.is_file():
            raise UserError(f"{folder} holds no experts: train them with hf-distill experts")
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
            whole = (
                record["version"] == _VERSION and isinstance(record["epochs"], int) and all(map(record.get, _SHARED))
            )
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            whole = False
        if not whole:
            raise UserError(f"{path} is no record of experts: train them anew with hf-distill experts --overwrite=true")
        return cls(path.parent, record)

    @classmethod
    def begin(cls, folder: Path, record: dict[str, Any], *, resume: bool, overwrite: bool) -> ExpertStore:
        """Start a folder of experts, or go on with one.

        Args:
            folder: Where they go.
            record: What they are to be; the version is added here.
            resume: Keep the experts that are there.
            overwrite: Remove them.

        Raises:
            UserError: There are some and neither is wanted, or they are others, or one is damaged.
        """
        store = cls(folder, {"version": _VERSION, **record})
        if (folder / RECORD).exists() and not overwrite:
            found = cls.open(folder)
            if not resume:
                raise UserError(
                    f"{folder} holds {len(found.finished())} experts: add --resume=true to keep them and train what is "
                    "missing, or --overwrite=true to train all anew"
                )
            found.require({**record, "seed": record["seed"]}, (*_SHARED, "seed"))
            for number in found.finished():
                found.verify(number)
            return found
        for path in folder.glob("expert-*.safetensors"):
            path.unlink()
        write_atomically(folder / RECORD, json.dumps(store.record, indent=2))
        return store

    @property
    def epochs(self) -> int:
        """Epochs of every expert."""
        return int(self.record["epochs"])

    def path(self, number: int) -> Path:
        """Return the file of an expert."""
        return self.folder / f"expert-{number:05d}.safetensors"

    def finished(self) -> list[int]:
        """Return the numbers of the experts that are there."""
        names = (path.stem.removeprefix("expert-") for path in self.folder.glob("expert-*.safetensors"))
        return sorted(int(name) for name in names if name.isdecimal())

    def require(self, expected: dict[str, Any], keys: tuple[str, ...] = _SHARED) -> None:
        """Refuse experts that were made otherwise.

        Args:
            expected: A record.
            keys: What must be as it says, the first that is not is named.

        Raises:
            UserError: Something is not.
        """
        for key in keys:
            changed = differences({key: self.record.get(key)}, {key: expected[key]})
            if changed:
                raise UserError(
                    f"{self.folder} holds experts of another {', '.join(sorted(changed)[:3])}: name another folder, or "
                    "train them anew with hf-distill experts --overwrite=true"
                )

    def write(self, number: int, trajectory: dict[str, Tensor]) -> None:
        """Keep an expert.

        Args:
            number: Which one.
            trajectory: Every weight, ``(epochs + 1, *shape)``, on the CPU.
        """
        from safetensors.torch import save

        about = {"expert": number, "of": self._digest(), "sha256": _digest(trajectory)}
        # One entry: several are written in an order that changes from process to process.
        write_atomically(self.path(number), save(trajectory, {_ABOUT: json.dumps(about)}))

    def verify(self, number: int) -> None:
        """Read all of an expert.

        Raises:
            UserError: It is missing, damaged, or one of another run.
        """
        from safetensors import SafetensorError, safe_open

        path = self.path(number)
        if not path.is_file():
            raise UserError(f"{path} is missing: hf-distill experts with --resume=true makes it again")
        try:
            with safe_open(path, framework="pt") as file:
                about = json.loads((file.metadata() or {})[_ABOUT])
                trajectory = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no dictionary
        except (SafetensorError, OSError, ValueError, KeyError) as error:
            raise UserError(f"cannot read the expert {path} ({str(error).splitlines()[0]}): {_AGAIN}") from error
        if about.get("sha256") != _digest(trajectory):
            raise UserError(f"the expert {path} is damaged, other numbers than those that were written: {_AGAIN}")
        if (about.get("expert"), about.get("of")) != (number, self._digest()):
            raise UserError(f"the expert {path} belongs to another run: {_AGAIN}")

    def read(self, number: int, epoch: int) -> dict[str, Tensor]:
        """Return the weights of an expert after some epochs, on the CPU; nothing else of the file is read."""
        from safetensors import safe_open

        with safe_open(self.path(number), framework="pt") as file:
            return {name: file.get_slice(name)[epoch] for name in self.record["weights"]}

    def _digest(self) -> str:
        return hashlib.sha256(json.dumps(self.record, sort_keys=True).encode()).hexdigest()


def _digest(trajectory: dict[str, Tensor]) -> str:
    """Return the SHA-256 of all numbers, in the order of their names."""
    found = hashlib.sha256()
    for name in sorted(trajectory):
        found.update(f"{name} {tuple(trajectory[name].shape)}".encode())
        found.update(trajectory[name].contiguous().view(torch.uint8).numpy().data)
    return found.hexdigest()
