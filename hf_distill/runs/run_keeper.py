"""RunKeeper: the checkpoints of a network's training."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hf_distill.errors import Interrupted
from hf_distill.runs.checkpoint import Checkpoints
from hf_distill.runs.interrupt import StopRequest


@dataclass(frozen=True)
class RunKeeper:
    """Writes the state of a training every so many steps, at its end and when it is asked to stop.

    Attributes:
        checkpoints: Where.
        steps: Steps of the whole training.
        every: Steps between two checkpoints.
        stop: Whether somebody wants it to end.
        resume: Go on from the last checkpoint.
        overwrite: Start over where there is one.
    """

    checkpoints: Checkpoints
    steps: int
    every: int
    stop: StopRequest
    resume: bool = False
    overwrite: bool = False

    def begin(self, restore: Callable[[dict[str, Any]], object]) -> int:
        """See :class:`hf_distill.training.keeping.Keeper`."""
        return self.checkpoints.begin(restore, steps=self.steps, resume=self.resume, overwrite=self.overwrite)

    def step(self, done: int, state: Callable[[], dict[str, Any]]) -> None:
        """See :class:`hf_distill.training.keeping.Keeper`."""
        stopping = self.stop.requested
        if stopping or done % self.every == 0 or done == self.steps:
            self.checkpoints.save(done, state())
        if stopping and done < self.steps:
            raise Interrupted(f"stopped after step {done} of {self.steps}; add --resume=true to go on")
