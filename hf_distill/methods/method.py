"""Method: anything that turns real data into a distilled dataset."""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic

import torch

from hf_distill.data.base import Data, DataT
from hf_distill.hub.artifact import DistilledDataset
from hf_distill.hub.rehearsal import rehearse
from hf_distill.methods.callback import Callback
from hf_distill.methods.pictures import pictures_of
from hf_distill.parts import Part
from hf_distill.seeding import Streams
from hf_distill.synthetic.base import Synthetic

# Steps of a run that its record holds at most.
_MOST_LOGGED = 200


@dataclass
class Notes:
    """What a method tells of its run beside the set; it fills them in while it works.

    Attributes:
        recipe: What it has learned about training on the set, by the names of a recipe's options.
        timing: ``steps`` and ``device`` and, where the run was resumed, the step that it went on from.
        history: Logged steps with their losses.
        pace: What memory and time steps take, in words, once some are done.
    """

    recipe: dict[str, float] = field(default_factory=dict)
    timing: dict[str, Any] = field(default_factory=dict)
    history: list[dict[str, Any]] = field(default_factory=list)
    pace: str = ""


@dataclass(frozen=True)
class Run:
    """Where and how a method runs; what is not part of the method itself.

    Attributes:
        folder: Checkpoints, log and previews; None keeps nothing.
        seed: The seed of all randomness.
        resume: Go on from the last checkpoint in ``folder``.
        overwrite: Start over where ``folder`` holds an unfinished run.
        trackers: Names of Accelerate trackers (``tensorboard``, ``trackio``, ``wandb``).
        progress: Show a progress bar.
        config: The resolved configuration; the method's and the data's own where it is empty.
        notes: What the method tells of the run.
        callbacks: Called on the way by a method that works in steps, and at the end by all.

    Examples:
        >>> from hf_distill import MeanSamples, PixelSet, RealData, Run, Undistilled
        >>> method = Undistilled(synthetic=PixelSet(per_class=1), initial=MeanSamples())
        >>> method.distill(RealData(), Run(seed=3, progress=False)).seed
        3
    """

    folder: Path | None = None
    seed: int = 0
    resume: bool = False
    overwrite: bool = False
    trackers: tuple[str, ...] = ()
    progress: bool = True
    config: dict[str, Any] = field(default_factory=dict)
    notes: Notes = field(default_factory=Notes)
    callbacks: Sequence[Callback] = ()


class Method(Part, Generic[DataT]):
    """Distils real data.

    Examples:
        >>> from hf_distill import Coreset, RealData, Run
        >>> method = Coreset(per_class=1)
        >>> method.distill(RealData(), Run(seed=3)).seed
        3
    """

    def distill(self, real: DataT, run: Run | None = None) -> DistilledDataset:
        """Return the distilled dataset; its recipe holds what was learned about training on it.

        Args:
            real: The data; it is set up here where it is not yet.
            run: Folder, seed and reporting; seed 0 and no folder by default.
        """
        run = run or Run()
        started = time.perf_counter()
        synthetic = self.fit(real, run)
        for callback in run.callbacks:
            callback.on_end(synthetic)
        timing = {"seconds": round(time.perf_counter() - started, 2), "torch": torch.__version__, **run.notes.timing}
        config = run.config or self.run_config(real, run)
        recipe = config.get("evaluator", {}).get("init_args", {}).get("recipe", {})
        return DistilledDataset.from_synthetic(
            synthetic,
            config=config,
            recipe={**(recipe or {}), **run.notes.recipe},
            seed=run.seed,
            timing=timing,
            history=thinned(run.notes.history, _MOST_LOGGED),
            citations=self.citations(),
            pictures=pictures_of(synthetic, real, Streams(run.seed)),
        )

    @staticmethod
    def open(real: Data, device: torch.device | str | None = None) -> None:
        """Set the data up and place them, and see before the work that a set of them can be published.

        Raises:
            UserError: The data cannot be read, or a set of them not be written.
        """
        real.setup(device)
        rehearse(real.spec)

    def finish(self, folder: Path) -> None:
        """Remove from the run folder what only an unfinished run needs; called once the artifact is written."""

    def is_unfinished(self, folder: Path) -> bool:
        """Whether the run folder holds what an unfinished run goes on from."""
        return False

    def estimate(self, real: DataT, seed: int = 0) -> str:
        """Return what memory and time a run will take, in words, from its first steps; nothing where it has none."""
        return ""

    @abstractmethod
    def fit(self, real: DataT, run: Run) -> Synthetic:
        """Return the finished synthetic set."""

    def run_config(self, real: Data, run: Run) -> dict[str, Any]:
        """Return what decides the result: method, data and seed."""
        return {"method": self.config(), "data": real.config(), "seed": run.seed}


def thinned(entries: Sequence[dict[str, Any]], most: int) -> list[dict[str, Any]]:
    """Return so many of some entries at most, evenly spaced, the last one among them."""
    stride = -(-len(entries) // most) if most else 1
    return list(entries[::-1][:: max(stride, 1)])[::-1]
