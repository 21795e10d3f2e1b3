"""The progress bar of every long job."""

from __future__ import annotations

import sys

from tqdm.auto import tqdm


def progress_bar(total: int, desc: str, unit: str, *, initial: int = 0, disable: bool = False) -> tqdm:
    """Return a bar with time left; in a file or a pipe it writes a line every ten seconds and not ten a second."""
    return tqdm(
        total=total,
        initial=initial,
        desc=desc,
        unit=unit,
        disable=disable,
        dynamic_ncols=True,
        mininterval=0.1 if sys.stderr.isatty() else 10.0,
    )
