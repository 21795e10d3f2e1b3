"""Pace: what the steps of a run take, known after a few of them."""

from __future__ import annotations

import sys
import time

import torch

# Steps, or seconds if these are over sooner, that are measured: as many as tell a step from the first one, which makes
# what later ones use (networks, compiled code).
_STEPS, _SECONDS = 5, 20.0


class Pace:
    """Measures the first steps of a run; nothing in a run depends on it.

    Args:
        device: Where the steps are done.
    """

    #: Steps after which it is known at the latest.
    STEPS = _STEPS + 1

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._done = 0
        self._first = 0.0
        self._told = False

    def step(self) -> str:
        """Note the end of a step; return ``memory: 3.1 GB, 41 s a 100 steps`` once it is known, else nothing."""
        self._done += 1
        now = time.perf_counter()
        if self._done == 1:
            self._first = now
        passed = now - self._first
        few = self._done == 1 or (self._done < self.STEPS and passed < _SECONDS)
        if few or self._told:
            return ""
        self._told = True
        each = passed / (self._done - 1)
        return f"memory: {peak_memory(self._device) / 1e9:.1f} GB, {100 * each:.3g} s a 100 steps"


def peak_memory(device: torch.device) -> int:
    """Return the most bytes that were held so far: on a GPU those of tensors, else those of the process."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    if sys.platform == "win32":
        import psutil

        return int(psutil.Process().memory_info().peak_wset)
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak
