"""Choice: what is made of data of which nothing else is said."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Choice:
    """What is chosen.

    Attributes:
        config: The name of a configuration of the library.
        options: What is changed in it, as words of a command line.
        name: For the output folder: data, method and size.
        size: Samples, or time steps.
        bits: What they take as they are published, not compressed.
        seconds: About how long the set takes to make.
        reasons: A line for each thing that was chosen: what, and why.
    """

    config: str
    options: list[str]
    name: str
    size: int
    bits: int
    seconds: float
    reasons: list[str] = field(default_factory=list)


def stem_of(path: str) -> str:
    """Return the last part of a path or id, as the name of a folder."""
    name = Path(path).expanduser().resolve().name if Path(path).expanduser().exists() else path.rsplit("/", 1)[-1]
    stem = name.split(".")[0] or name
    return "".join(letter if letter.isalnum() or letter in "-_" else "_" for letter in stem)[:80] or "data"
