"""Alone: Accelerate as one of several processes sees it that shares nothing with the others."""

from __future__ import annotations

from accelerate import Accelerator


class Alone(Accelerator):
    """A run of this process alone, on its device, whatever the other processes of the launch do."""

    @property
    def num_processes(self) -> int:
        """One."""
        return 1

    @property
    def process_index(self) -> int:
        """The first."""
        return 0

    @property
    def is_main_process(self) -> bool:
        """Whether it writes: it does."""
        return True

    def wait_for_everyone(self) -> None:
        """Wait for nobody."""
