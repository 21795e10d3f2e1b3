"""Replacing a folder as a whole: readers see the old content or the new one, never a mixture.

A folder that the process stands in is the exception: exchanged as a whole, it would leave the process, and the shell
that started it, in a folder that is deleted. Its entries are exchanged one by one instead, the record last: what a
crash leaves between two of them is a mixture, which the record's digests tell; saving again mends it.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import glob
import hashlib
import os
import secrets
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from hf_distill.errors import UserError
from hf_distill.files import beside, user_path

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2
_STAGE = "{}.partial"
# Bytes of a file name, and of ".NAME.1a2b3c4d.partial" beside NAME.
_LONGEST, _ADDED = 255, 18


@contextlib.contextmanager
def replace_folder(folder: str | Path, *, keep: Callable[[str], bool], last: str | None = None) -> Iterator[Path]:
    """Give an empty folder to write in and put it in the place of ``folder`` when the block ends.

    The new content is written beside the folder, flushed to the disk and swapped in: in one step where the system
    can exchange two names (``renameat2``), else by two renames that :func:`recover` completes. Until then, and after
    any error or a killed process, the old content is whole.

    Args:
        folder: The folder to replace or to make.
        keep: Says of an entry of the old folder whether it belongs to the new one too. Kept files are hard links, so
            gigabytes cost nothing; never open them for writing in the block.
        last: The entry that says what the others are; the last one to change where they change one by one.

    Raises:
        UserError: The path is a file or none, or the file system refused (full disk, no permission).
    """
    target = user_path(folder)
    if target.exists() and not target.is_dir():
        raise UserError(f"{folder} is a file: name a folder to save to")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        recover(target)
        _remove_leftovers(target)
        stage = _hidden(target, _STAGE.format(secrets.token_hex(4)))
        stage.mkdir()
    except OSError as error:
        raise _refusal(target, error) from error
    with _locked(stage):
        try:
            inside = _stands_in(target)
            if target.is_dir() and not inside:
                for entry in sorted(target.iterdir()):
                    if keep(entry.name):
                        _link(entry, stage / entry.name)
            yield stage
            _flush(stage)
            if inside:
                _swap_entries(stage, target, keep, last)
            else:
                _swap(stage, target)
        except OSError as error:
            raise _refusal(target, error) from error
        finally:
            # After the swap this name holds the old content, after an error the unfinished new one.
            shutil.rmtree(stage, ignore_errors=True)


def recover(folder: str | Path) -> None:
    """Finish a replacement by two renames that was interrupted between them."""
    target = user_path(folder)
    previous = _previous(target)
    if not previous.is_dir():
        return
    if target.exists():
        shutil.rmtree(previous, ignore_errors=True)
    else:
        os.rename(previous, target)


def refuse_foreign(
    folder: str | Path, *, marker: str, allowed: tuple[str, ...], what: str = "distilled dataset"
) -> None:
    """Refuse to replace what is not ours.

    Args:
        folder: A folder about to be replaced.
        marker: The file that every folder of ours holds.
        allowed: Entries that may be there before the marker is.
        what: What folders of ours hold, for the message.

    Raises:
        UserError: The path is a file or none, or a folder with other content and without the marker.
    """
    target = user_path(folder)
    recover(target)
    if target.exists() and not target.is_dir():
        raise UserError(f"{folder} is a file: name a folder to save to")
    if not target.is_dir() or (target / marker).is_file():
        return
    others = sorted(entry.name for entry in target.iterdir() if entry.name not in allowed)
    if others:
        raise UserError(
            f"{folder} is not empty and holds no {what} (found {', '.join(others[:3])}"
            f"{', ...' if len(others) > 3 else ''}): choose another folder or empty it first"
        )


def _previous(target: Path) -> Path:
    return _hidden(target, "previous")


def _hidden(target: Path, ending: str) -> Path:
    """Return a name beside a folder that no other folder shares, also where the folder's own leaves no room for it."""
    name = target.name.encode()
    if len(name) + _ADDED > _LONGEST:
        return beside(target, f"{hashlib.sha256(name).hexdigest()[:16]}.{ending}")
    return beside(target, ending)


def _stands_in(target: Path) -> bool:
    """Whether the process stands in a folder or below it."""
    try:
        here = Path.cwd()
    except OSError:  # it stands in a deleted one
        return False
    return target in (here, *here.parents)


def _refusal(target: Path, error: OSError) -> UserError:
    reason = (error.strerror or str(error)).splitlines()[0]
    if error.errno in (errno.EBUSY, errno.EXDEV):
        reason += " (it is a mount point: save to a folder inside it)"
    return UserError(
        f"cannot write {target}: {reason}; nothing there was changed: free some space or choose another folder"
    )


def _swap(stage: Path, target: Path) -> None:
    """Put the new folder at the target's name; the old one, if any, ends at the new one's former name."""
    if not target.exists():
        os.rename(stage, target)
    elif not _exchange(stage, target):
        previous = _previous(target)
        os.rename(target, previous)
        try:
            os.rename(stage, target)
        except OSError:
            os.rename(previous, target)
            raise
        shutil.rmtree(previous, ignore_errors=True)
    _flush_entry(target.parent)


def _swap_entries(stage: Path, target: Path, keep: Callable[[str], bool], last: str | None) -> None:
    """Move the new entries into a folder one by one; the old ones end in the new ones' former folder."""
    new = sorted((entry.name for entry in stage.iterdir()), key=lambda name: (name == last, name))
    old = [entry.name for entry in target.iterdir() if entry.name not in new and not keep(entry.name)]
    away = stage / f".{secrets.token_hex(4)}"
    away.mkdir()
    for name in sorted(old, key=lambda name: (name != last, name)):
        os.rename(target / name, away / name)
    for name in new:
        plain = not (stage / name).is_dir() and (not (target / name).is_dir() or (target / name).is_symlink())
        if plain or not os.path.lexists(target / name):
            os.replace(stage / name, target / name)
        elif not _exchange(stage / name, target / name):
            os.rename(target / name, away / name)
            os.rename(stage / name, target / name)
    _flush_entry(target)


def _exchange(first: Path, second: Path) -> bool:
    """Exchange two names in one step; False where the system or the file system cannot."""
    if sys.platform != "linux":
        return False
    try:
        rename = ctypes.CDLL(None, use_errno=True).renameat2
    except AttributeError:  # a C library without it
        return False
    if rename(_AT_FDCWD, os.fsencode(first), _AT_FDCWD, os.fsencode(second), _RENAME_EXCHANGE) == 0:
        return True
    code = ctypes.get_errno()
    if code in (errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP):
        return False
    raise OSError(code, os.strerror(code), str(second))


def _link(source: Path, destination: Path) -> None:
    """Hard-link a file or a tree, copying where links are not possible; symbolic links stay what they are."""

    def link(old: str, new: str) -> None:
        try:
            os.link(old, new, follow_symlinks=False)
        except OSError:
            shutil.copy2(old, new, follow_symlinks=False)

    if source.is_dir() and not source.is_symlink():
        shutil.copytree(source, destination, symlinks=True, copy_function=link)
    else:
        link(str(source), str(destination))


def _flush(folder: Path) -> None:
    """Wait until a tree is on the disk: a name must not reach it before the bytes do."""
    for root, _, names in os.walk(folder):
        for name in names:
            if not os.path.islink(os.path.join(root, name)):
                _flush_entry(Path(root, name))
        _flush_entry(Path(root))


def _flush_entry(path: Path) -> None:
    if os.name == "nt" and path.is_dir():  # Windows cannot open a folder
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold the lock that tells other processes that this folder is being written."""
    handle = _try_lock(folder)
    try:
        yield
    finally:
        if handle is not None:
            os.close(handle)


def _try_lock(folder: Path) -> int | None:
    """Lock a folder; the lock goes with the process. None where it is taken or there are no locks."""
    try:
        import fcntl
    except ImportError:
        return None
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        return None
    return handle


def _remove_leftovers(target: Path) -> None:
    """Remove what killed processes left beside the target: their locks are free."""
    named = _hidden(target, _STAGE.format("0" * 8)).name.removesuffix(_STAGE.format("0" * 8))
    for stage in target.parent.glob(glob.escape(named) + _STAGE.format("[0-9a-f]" * 8)):
        handle = _try_lock(stage)
        if handle is not None:
            shutil.rmtree(stage, ignore_errors=True)
            os.close(handle)
