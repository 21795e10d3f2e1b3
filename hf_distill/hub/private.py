"""What is not published: where a user keeps data and models."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

# A path from the root, from the home folder or from here; and a drive of Windows.
_LOCAL = re.compile(r"(/|~|\.{1,2}[/\\]|[A-Za-z]:[/\\]).*", re.DOTALL)
# Options that hold a local path or the name of a repository: namespace/name, and nothing that is longer.
_PLACES = ("path", "pipeline", "model")
#: The parts of a record that may name files. Names of classes and columns are none, whatever they look like.
_LOOKED_AT = ("config", "recipe", "evaluation", "other_evaluations")


def without_private_paths(values: Any, key: str = "") -> Any:
    """Return a configuration, JSON, in which every local path has lost all but its last part.

    >>> without_private_paths({"path": "/home/me/projects/secret/train.csv", "name": None})
    {'path': 'train.csv', 'name': None}
    """
    if isinstance(values, dict):
        return {name: without_private_paths(value, name) for name, value in values.items()}
    if isinstance(values, (list, tuple)):
        return [without_private_paths(value, key) for value in values]
    if isinstance(values, str) and _is_local(values, key):
        return re.split(r"[/\\]", values.rstrip("/\\"))[-1] if values.strip("/\\.~") else "local"
    return values


def _is_local(text: str, key: str) -> bool:
    if _LOCAL.fullmatch(text):
        return True
    if "/" not in text or "://" in text:
        return False
    return (key in _PLACES and text.count("/") > 1) or _exists(text)


def _exists(text: str) -> bool:
    try:
        return Path(text).exists()
    except (OSError, ValueError):  # too long for a name, or no name at all
        return False


def publishable_record(record: dict[str, Any]) -> dict[str, Any]:
    """Return a record as it may be published: no local path in what made and measured the set."""
    spec = {**record["spec"], "source": without_private_paths(record["spec"]["source"])}
    looked_at = {name: without_private_paths(record[name]) for name in _LOOKED_AT if name in record}
    return {**record, "spec": spec, **looked_at}
