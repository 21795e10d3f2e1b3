"""Reading a transformers configuration that is written out or named by its path."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hf_distill.errors import UserError


def read_configuration(model: dict[str, Any] | str) -> dict[str, Any]:
    """Return a configuration as a dictionary.

    Args:
        model: The dictionary itself, or the path of a ``config.json`` or of its folder.

    Raises:
        UserError: The file cannot be read, or holds no dictionary.
    """
    if isinstance(model, dict):
        return model
    path = Path(model) / "config.json" if Path(model).is_dir() else Path(model)
    try:
        values = json.loads(path.read_text())
    except OSError as error:
        raise UserError(f"cannot read the transformers configuration {path}: {error.strerror}") from error
    except json.JSONDecodeError as error:
        raise UserError(f"the transformers configuration {path} is no JSON: {error}") from error
    if not isinstance(values, dict):
        raise UserError(f"the transformers configuration {path} holds no dictionary")
    return values
