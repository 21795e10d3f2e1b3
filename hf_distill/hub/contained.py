"""Reading files of an artifact's folder: nothing that lies outside of it, and nothing that never ends."""

from __future__ import annotations

import stat
from pathlib import Path

from hf_distill.errors import ArtifactError


def read_contained(folder: Path, name: str, most: int) -> bytes:
    """Return the bytes of a file.

    Links are followed where they lead to a file of the folder or, for a set in the Hub's cache, of its repository's
    ``blobs`` there: whoever made a set must not make its reader copy, and publish, other files of his.

    Args:
        folder: The artifact's folder.
        name: The file's path in it.
        most: Bytes that it may have.

    Raises:
        FileNotFoundError: There is none.
        ArtifactError: It cannot be read, is no plain file, is too large or a link that leads out.
    """
    path = folder / name
    try:
        root, real = folder.resolve(strict=True), path.resolve(strict=True)
        if not any(real.is_relative_to(place) for place in _places(root)):
            raise ArtifactError(f"{path} is a link that leads out of its folder: it is not read, remove it")
        status = real.stat()
        if not stat.S_ISREG(status.st_mode):
            raise ArtifactError(f"{path} is no plain file: make or download the set again")
        if status.st_size > most:
            raise ArtifactError(f"{path} has {status.st_size:,} bytes, and no more than {most:,} are read")
        return real.read_bytes()
    except FileNotFoundError:
        raise
    except (OSError, RuntimeError, ValueError) as error:  # a link to itself is a RuntimeError in older Pythons
        reason = getattr(error, "strerror", None) or type(error).__name__
        raise ArtifactError(f"{path} cannot be read ({reason}): make or download the set again") from error


def _places(root: Path) -> list[Path]:
    """Return the folders that a set's files may lie in."""
    repository = root.parent.parent
    in_cache = root.parent.name == "snapshots" and repository.name.startswith("datasets--")
    return [root, repository / "blobs"] if in_cache else [root]
