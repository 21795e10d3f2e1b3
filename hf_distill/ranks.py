"""Processes that are one run: which one this is, and what the others have found."""

from __future__ import annotations

from collections.abc import Callable, Iterator
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

    def shared(self, make: Callable[[int], T], count: int) -> Iterator[T]:
        """Yield what is made for each number below ``count``, in order; one after another goes to each process.

        An error of one process is raised by all, as soon as each has done the number that it is at.
        """
        for first in range(0, count, self.count):
            number, own = first + self.rank, list[T]()
            error: Exception | None = None
            try:
                if number < count:
                    own.append(make(number))
            except Exception as failed:  # the others would wait for this process
                error = failed
            for parts, theirs in self.gathered((own, error)):
                if theirs is not None:
                    raise theirs
                yield from parts


ALONE = Ranks()
