"""Sizes as people say them: ``50kB``, ``1%``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from hf_distill.errors import UserError

_UNITS = {"b": 1, "kb": 1e3, "mb": 1e6, "gb": 1e9, "kib": 2**10, "mib": 2**20, "gib": 2**30}


@dataclass(frozen=True)
class Size:
    """How small a set is to be: bytes, or a share of the rows, or samples of each class; one of them.

    Attributes:
        bytes: Of the values and labels of the published samples, not compressed.
        share: Above 0 and at most 1.
        per_class: Samples of each class.
    """

    bytes: float | None = None
    share: float | None = None
    per_class: int | None = None


def parse_size(text: str) -> Size:
    """Return what a size says.

    >>> parse_size("50kB")
    Size(bytes=50000.0, share=None, per_class=None)
    >>> parse_size("1%").share
    0.01

    Raises:
        UserError: It is none.
    """
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(%|[a-zA-Z]+)\s*", text)
    number, unit = (float(found[1]), found[2].lower()) if found else (0.0, "")
    if number > 0 and unit == "%" and number <= 100:
        return Size(share=number / 100)
    if number > 0 and unit in _UNITS:
        return Size(bytes=number * _UNITS[unit])
    raise UserError(f"size is {text!r}: say bytes, such as 50kB or 1.5MB, or a share of the rows, such as 1%")


def size_of(sizes: Sequence[str], per_class: Sequence[str] = ()) -> Size:
    """Return the size that a command line asks for.

    Args:
        sizes: What it gives ``--size``, the last one last.
        per_class: What it gives ``--per_class``.

    Raises:
        UserError: They are none, or both are given.
    """
    if sizes and per_class:
        raise UserError("--size and --per_class both say how small: leave one of them out")
    if not per_class:
        return parse_size(sizes[-1]) if sizes else Size()
    if not per_class[-1].isdigit() or not int(per_class[-1]):
        raise UserError(f"per_class is {per_class[-1]!r}; it must be a whole number, 1 or more")
    return Size(per_class=int(per_class[-1]))
