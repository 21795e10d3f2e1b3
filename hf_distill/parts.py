"""Parts: objects whose constructor arguments are their whole configuration."""

from __future__ import annotations

import inspect
from abc import ABC
from typing import Any


class Part(ABC):  # noqa: B024 - its subclasses have the abstract methods
    """An object that a YAML file can describe and that can describe itself.

    A part keeps each constructor argument under its own name and does nothing else in its constructor
    (scikit-learn's convention), so that ``part.config()`` rebuilds it. Data arrives later, through ``fit``,
    ``initialize`` or ``forward``.
    """

    def config(self) -> dict[str, Any]:
        """Describe this part as JSON: ``{"class_path": name, "init_args": {...}}``, nested parts included."""
        names = [
            name
            for name, parameter in inspect.signature(type(self).__init__).parameters.items()
            if name != "self"
            and parameter.kind not in (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
        ]
        return {"class_path": type(self).__name__, "init_args": {name: _to_json(getattr(self, name)) for name in names}}


def _to_json(value: Any) -> Any:
    if isinstance(value, Part):
        return value.config()
    if isinstance(value, dict):
        return {key: _to_json(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_to_json(item) for item in value]
    return value
