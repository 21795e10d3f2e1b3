"""Where all randomness starts.

Nothing here holds a state: the generator of a purpose at a step is a pure function of ``(seed, rank, step, purpose)``.
A resumed run therefore draws what the uninterrupted one would have drawn, and no random state has to be saved.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch


@dataclass(frozen=True)
class Streams:
    """Independent random generators, addressed by name.

    Args:
        seed: The run's seed.
        rank: The process. Ranks draw different numbers; give every rank 0 to make them draw the same.
        step: The step of the loop.
    """

    seed: int = 0
    rank: int = 0
    step: int = 0

    def at(self, step: int) -> Streams:
        """Return the streams of another step."""
        return replace(self, step=step)

    def seed_for(self, *purpose: str | int) -> int:
        """Return the 63-bit seed of a purpose, the same on every machine and Python version."""
        text = ":".join(str(part) for part in (self.seed, self.rank, self.step, *purpose))
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little") >> 1

    def generator(self, *purpose: str | int) -> torch.Generator:
        """Return a fresh CPU generator for a purpose.

        Random numbers are drawn on the CPU and moved, so that a run does not depend on the device.
        """
        return torch.Generator().manual_seed(self.seed_for(*purpose))


@contextlib.contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Run a block (a network's own weight initialisation, say) under a seed and restore torch's global state after it.

    Networks are built on the CPU and moved; where a GPU is at work its generator is seeded too, for dropout.
    """
    devices = [torch.cuda.current_device()] if torch.cuda.is_initialized() else []
    with torch.random.fork_rng(devices=devices):
        torch.random.default_generator.manual_seed(seed)
        if devices:
            torch.cuda.manual_seed(seed)
        yield
