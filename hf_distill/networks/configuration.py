"""Reading a transformers configuration that is written out or named by its path."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from huggingface_hub import hf_hub_download

from hf_distill.connection import hub_requests
from hf_distill.errors import UserError
from hf_distill.files import user_path

_FILE = "config.json"
_BRIEF = 300.0  # seconds for a file of a few kB


def read_configuration(model: dict[str, Any] | str) -> dict[str, Any]:
    """Return a configuration as a dictionary.

    Args:
        model: The dictionary itself, the path of a ``config.json`` or of its folder, or a Hub id that has one.

    Raises:
        UserError: The file cannot be read, or holds no dictionary.
        HubError: It cannot be had from the Hub.
    """
    if isinstance(model, dict):
        return model
    path = _found(model)
    try:
        values = json.loads(path.read_text())
    except OSError as error:
        raise UserError(f"cannot read the transformers configuration {path}: {error.strerror}") from error
    except json.JSONDecodeError as error:
        raise UserError(f"the transformers configuration {path} is no JSON: {error}") from error
    if not isinstance(values, dict):
        raise UserError(f"the transformers configuration {path} holds no dictionary")
    return values


def _found(model: str) -> Path:
    path = user_path(model)
    if path.exists() or model.count("/") != 1 or model.startswith((".", "~", "/")) or path.suffix == ".json":
        return path / _FILE if path.is_dir() else path
    with hub_requests(model, seconds=_BRIEF):
        return Path(hf_hub_download(model, _FILE))
