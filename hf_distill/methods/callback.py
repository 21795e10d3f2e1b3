"""Callback: what is called while a method works."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from hf_distill.synthetic.base import Synthetic


class Callback:
    """Hooks into a run, as ``transformers.TrainerCallback`` has them; each does nothing unless it is overridden.

    They are called on the main process. They look on: what they return is ignored, and a run with callbacks gives the
    bytes of one without, unless they change the set or draw from a generator that is not theirs. They are no part of
    the configuration. A resumed run calls them for the steps that it makes.

    Examples:
        >>> from hf_distill import Callback, distill
        >>> class Losses(Callback):
        ...     def on_log(self, step, losses):
        ...         print(step, losses["loss"])
        >>> Losses().on_log(10, {"loss": 0.5})  # as distill(data, callbacks=[Losses()]) calls it
        10 0.5
    """

    def on_step_end(self, step: int, losses: Mapping[str, float], synthetic: Synthetic) -> None:
        """Called after each step.

        Args:
            step: Counted from 1.
            losses: What the objective returned, by name.
            synthetic: The set as it is now.
        """

    def on_log(self, step: int, losses: Mapping[str, float]) -> None:
        """Called for every entry of the log."""

    def on_checkpoint(self, step: int, folder: Path) -> None:
        """Called when the checkpoint of a step has been written into a folder."""

    def on_end(self, synthetic: Synthetic) -> None:
        """Called once the set is finished; not where the run was interrupted or has diverged."""
