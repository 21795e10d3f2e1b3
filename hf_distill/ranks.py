"""Processes that are one run: which one this is, and what the others have found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeVar

import torch.distributed as processes
from typing_extensions import Self

T = TypeVar("T")


@dataclass(frozen=True)
class Ranks:
    """Processes that share some work; by default one that works alone, whatever the others do.

    Attributes:
        rank: The number of this process.
        count: How many there are.
    """

    rank: int = 0
    count: int = 1

    @classmethod
    def together(cls) -> Self:
        """Return all processes of the run: each of them must then do the same work."""
        alone = not (processes.is_available() and processes.is_initialized())
        return cls() if alone else cls(processes.get_rank(), processes.get_world_size())

    @property
    def is_first(self) -> bool:
        """Whether this is the first process."""
        return self.rank == 0

    def gathered(self, value: T) -> list[T]:
        """Return the values of all processes, in their order."""
        if self.count == 1:
            return [value]
        values: list[Any] = [None] * self.count
        processes.all_gather_object(values, value)
        return values

    def from_first(self, value: T) -> T:
        """Return the value of the first process."""
        return self.gathered(value)[0]


ALONE = Ranks()
