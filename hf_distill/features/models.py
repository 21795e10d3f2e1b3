"""Models of transformers: what goes wrong in loading one, and which weights it has."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hf_distill.errors import UserError


@contextlib.contextmanager
def loading(part: str, kind: str, model: str) -> Iterator[None]:
    """Say in one line why a block cannot load a model.

    Args:
        part: Who asks.
        kind: What it is: ``text``.
        model: Folder or Hub id.

    Raises:
        UserError: transformers is missing, or there is no such model.
    """
    try:
        import transformers  # noqa: F401
    except ImportError as error:
        raise UserError(f"{part} needs transformers: pip install 'hf-distill[transformers]'") from error
    if model.startswith((".", "/", "~")) and not Path(model).expanduser().is_dir():
        raise UserError(f"cannot load a {kind} model from {model}: no such folder")
    try:
        yield
    except (OSError, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        raise UserError(f"cannot load a {kind} model from {model}: {reason}") from error


def weights_of(model: str) -> Any:
    """Return what tells a model's weights from others, as JSON: its files as they are now, or its commit on the Hub."""
    folder = Path(model).expanduser()
    if folder.is_dir():
        files = sorted(file for file in folder.rglob("*") if file.is_file())
        return [[str(file.relative_to(folder)), file.stat().st_size, file.stat().st_mtime_ns] for file in files]
    from transformers import AutoConfig

    return getattr(AutoConfig.from_pretrained(model), "_commit_hash", None)
