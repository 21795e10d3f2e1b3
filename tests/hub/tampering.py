"""What somebody can do to a record: at every path, delete the key or put something else there; or spoil the file."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

_HUGE = "HUGE"  # Python refuses to write a number of so many digits, and reads it


def _deep(depth: int) -> Any:
    value: Any = []
    for _ in range(depth):
        value = [value]
    return value


VALUES: dict[str, Any] = {
    "null": None,
    "true": True,
    "-1": -1,
    "0": 0,
    "1e30": 1e30,
    "10**400": _HUGE,
    "NaN": float("nan"),
    "Infinity": float("inf"),
    "empty text": "",
    "x": "x",
    "a megabyte": "m" * 2**20,
    "escapes": "\x1b[2J</details>\n```\n# [x](http://y) | `z`\x00\u202e",
    "half a surrogate": "\ud800",
    "empty list": [],
    "empty dictionary": {},
    "list of null": [None],
    "dictionary": {"a": 1},
    "deep list": _deep(200),
}
"""What stands in the place of a value."""


def paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of everything in a record; of long lists, those of the first and the last item."""
    if path:
        yield path
    if isinstance(value, dict):
        for key, item in value.items():
            yield from paths(item, (*path, key))
    elif isinstance(value, list):
        for place in sorted({0, len(value) - 1}) if value else ():
            yield from paths(value[place], (*path, place))


def tampered(record: dict[str, Any], path: tuple[Any, ...], change: str) -> bytes:
    """Return the file of a record with one change, ``delete`` or a name of :data:`VALUES`."""
    owner: Any = record
    for key in path[:-1]:
        owner = owner[key]
    if change == "delete":
        del owner[path[-1]]
    else:
        owner[path[-1]] = copy.deepcopy(VALUES[change])
    return json.dumps(record, indent=2).replace(f'"{_HUGE}"', "1" + "0" * 400).encode()


def _big(path: Path) -> bytes:
    return path.read_bytes().rstrip()[:-1] + b',"more":"' + b"x" * 2**26 + b'"}'


FILES: dict[str, Callable[[Path], bytes]] = {
    "empty": lambda path: b"",
    "no JSON": lambda path: b"PK\x03\x04" + bytes(range(256)),
    "UTF-16": lambda path: path.read_text().encode("utf-16"),
    "latin-1": lambda path: path.read_text().encode("latin-1", "replace") + b"\xe4",
    "NUL bytes": lambda path: b"\0" * 4096,
    "a list": lambda path: b"[" + path.read_bytes() + b"]",
    "a key twice": lambda path: path.read_bytes().replace(b'"rows":', b'"rows": 1, "rows":', 1),
    "nested deeply": lambda path: b"[" * 100_000 + b"]" * 100_000,
    "nested in text": lambda path: b'{"format_version":' * 5000,
    "many digits": lambda path: b'{"format_version": ' + b"9" * 10_000 + b"}",
    "huge": _big,
}
"""What stands in the place of a record's file, by the good one."""
