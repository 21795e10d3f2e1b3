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
        cycle: Steps in which the work comes round again.
        slow: Steps at the beginning of each cycle that make what its other ones use, and take longer.
    """

    def __init__(self, device: torch.device, cycle: int = 1, slow: int = 0) -> None:
        self._device = device
        self._cycle = cycle
        self._slow = slow
        self._done = 0
        self._first = 0.0
        self._last = 0.0
        # What has been measured of slow steps and of others.
        self._taken: dict[bool, list[float]] = {True: [], False: []}
        self._told = False

    @staticmethod
    def steps(cycle: int = 1, slow: int = 0) -> int:
        """Return after how many steps it is known at the latest; see :class:`Pace`."""
        if slow == 1:  # the first step is left out
            return cycle + 1
        return slow + min(_STEPS, cycle - slow) if slow else 1 + _STEPS

    def step(self) -> str:
        """Note the end of a step; return ``memory: 3.1 GB, 41 s a 100 steps`` once it is known, else nothing."""
        if self._told:
            return ""
        place, self._done = self._done, self._done + 1
        before, self._last = self._last, time.perf_counter()
        if place == 0:
            self._first = self._last
            return ""
        self._taken[place % self._cycle < self._slow].append(self._last - before)
        seen = self._taken[False] and (self._taken[True] or not self._slow)
        soon = seen and self._last - self._first >= _SECONDS
        if self._done < self.steps(self._cycle, self._slow) and not soon:
            return ""
        self._told = True
        slow, other = (sum(own) / max(len(own), 1) for own in (self._taken[True], self._taken[False]))
        each = other + (slow - other) * self._slow / self._cycle
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
