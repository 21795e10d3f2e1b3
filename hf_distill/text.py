"""Strangers' text made safe to print: names of classes and files, and what a server answers."""

from __future__ import annotations

import os
import re
from typing import Any, TextIO

# Control characters, among them the escape that terminals obey; and those that turn or hide text.
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")
_COLOURS = {"red": "31", "green": "32", "yellow": "33"}
_TOKEN = re.compile(r"hf_[A-Za-z0-9]{20,}|(?i:bearer\s+)\S+")


def printable(text: str) -> str:
    """Return text on one line, with every character that a terminal would obey written out as ``\\x1b``.

    >>> printable("cat\\x1b[2J  dog")
    'cat\\\\x1b[2J dog'
    """
    return _UNPRINTABLE.sub(lambda found: ascii(found[0])[1:-1], " ".join(text.split()))


def shorten(text: str, most: int = 200) -> str:
    """Return text of at most so many characters."""
    return text if len(text) <= most else text[: most - 3] + "..."


def coloured(text: str, colour: str, stream: TextIO) -> str:
    """Return text in bold and in a colour where a stream is a terminal that shows them and NO_COLOR is not set."""
    if not stream.isatty() or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return text
    return f"\x1b[1;{_COLOURS[colour]}m{text}\x1b[0m"


def masked(text: str) -> str:
    """Return text without access tokens."""
    return _TOKEN.sub("hf_***", text)


def said(value: Any) -> str:
    """Return a value as a message shows it."""
    if isinstance(value, (list, tuple, dict)) and len(value) > 3:
        return f"a {type(value).__name__} of {len(value)}"
    if isinstance(value, str):
        return repr(shorten(printable(value[:200]), 40))
    return shorten(printable("null" if value is None else repr(value)), 40)
