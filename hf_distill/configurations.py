"""The configurations that come with the library, by name: one folder, in a clone and in an installed package."""

from __future__ import annotations

import difflib
import itertools
import re
from functools import cache
from pathlib import Path

from hf_distill.errors import UserError

_TAKES = re.compile(r"^# Takes (.+?)\.?$", re.MULTILINE)


@cache
def configurations() -> dict[str, Path]:
    """Return the file of every configuration by its name, ``dm_digits`` for example."""
    here = Path(__file__).parent
    # A wheel holds the folder in the package, a clone beside it.
    folder = next((path for path in (here / "configs", here.parent / "configs") if path.is_dir()), None)
    return {path.stem: path for path in sorted(folder.glob("*.yaml"))} if folder else {}


def locate(word: str) -> str:
    """Return the path of what ``--config`` names: a file, or one of the library's configurations.

    Args:
        word: A path of a file; else the configuration's name, ``dm_digits``, with or without ``configs/`` and
            ``.yaml``, whatever folder has the same name: data often do.

    Raises:
        UserError: There is neither.
    """
    plain = re.fullmatch(r"(?:configs/)?([\w.-]{1,80}?)(?:\.ya?ml)?", word)
    # Of all else that is no file the parser says so.
    path = Path(word)
    if plain is None or (path.exists() and not path.is_dir()):
        return word
    known = configurations()
    if plain[1] in known:
        return str(known[plain[1]])
    close = difflib.get_close_matches(plain[1], known, n=3)
    meant = f"did you mean {' or '.join(close)}? " if close else ""
    raise UserError(
        f"config: no file {word!r}, and no configuration of that name: {meant}`hf-distill configs` lists them"
    )


def located(argv: list[str]) -> list[str]:
    """Return a command line with the paths of the configurations that ``--config`` names."""
    words = list(argv)
    for place, (word, after) in enumerate(itertools.zip_longest(argv, argv[1:])):
        if word == "--config" and after is not None:
            words[place + 1] = locate(after)
        elif word.startswith("--config="):
            words[place] = f"--config={locate(word.partition('=')[2])}"
    return words


def comment(text: str) -> str:
    """Return what the first comment of a YAML file says, without what it says of time."""
    lines = list(itertools.takewhile(lambda line: line.startswith("#"), text.splitlines()))
    return " ".join(line.lstrip("# ") for line in lines if not _TAKES.match(line))


def summary(text: str) -> str:
    """Return the first sentence of a YAML file's comment."""
    # A sentence ends where a capital follows, or what a value's comment quotes.
    return re.split(r"(?<!\bal)[.:] (?=[A-Z\"])", comment(text))[0].rstrip(".:")


def takes(text: str) -> str:
    """Return how long a run took where that was measured, ``36 s on two cores``, or nothing."""
    found = _TAKES.search(text)
    return found[1] if found else ""
