"""Files that are written whole or not at all, paths as people write them, and locks on folders."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

from hf_distill.errors import UserError

# Bytes that a file name may have on the file systems in use; names of ours beside a user's stay below it.
_LONGEST = 255


def write_atomically(path: Path, data: str | bytes) -> None:
    """Write a file in one step: readers, and whoever comes after a crash, see the old content or the new one.

    The data goes to a file beside it and to the disk before it takes the name.

    Args:
        path: The file; its folder is made where it is missing.
        data: Text, written as UTF-8, or bytes.

    Raises:
        OSError: The file system refused (full disk, no permission); the old content is whole.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = beside(path, f"{secrets.token_hex(4)}.partial")
    try:
        with open(partial, "wb") as file:
            file.write(data.encode() if isinstance(data, str) else data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def beside(path: Path, ending: str) -> Path:
    """Return a hidden name beside a path, shortened where the path's own name is too long for an ending."""
    room = _LONGEST - len(ending.encode()) - 2
    name = path.name.encode()[:room].decode(errors="ignore")
    return path.with_name(f".{name}.{ending}")


def user_path(path: str | Path) -> Path:
    """Return a path as a user wrote it in full: ``~`` is the home folder, ``.`` has a name, links are followed.

    Raises:
        UserError: Its links go round in a circle, or the file system refuses it.
    """
    try:
        resolved = Path(path).expanduser().resolve()
        resolved.exists()
    except (OSError, RuntimeError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error).splitlines()[0]
        raise UserError(f"{str(path)!r} cannot be a path: {reason}") from error
    return resolved


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a folder for this process; the lock goes with the process, however it ends.

    Args:
        folder: Made where it is missing. The lock is a file ``.lock`` in it.

    Raises:
        UserError: Another process holds it.
    """
    try:
        import fcntl
    except ImportError:  # Windows has no locks of this kind
        yield
        return
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / ".lock", "a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise UserError(f"another process is working in {folder}: wait for it, or name another folder") from error
        yield
