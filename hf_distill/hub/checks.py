"""Checks of JSON that strangers wrote: small functions that say what is wrong, and where."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

from hf_distill.text import printable, shorten
from hf_distill.text import said as said

Check = Callable[[Any, str], None]
"""Takes a value and its place, ``spec.mean[2]``; raises :class:`Wrong` where it is not as it must be."""

# No list of lists of ours is deeper; Python's own functions give up at about a thousand.
_DEEPEST = 64


class Wrong(Exception):
    """A value is not what it must be; the message names its place and what it must be."""


def refuse(value: Any, place: str, wanted: str) -> None:
    """Raise :class:`Wrong`."""
    raise Wrong(f"{printable(shorten(place, 100))} is {said(value)} and must be {wanted}")


def whole(least: int = 0, most: int = 2**53) -> Check:
    """A whole number."""

    def check(value: Any, place: str) -> None:
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            refuse(value, place, f"a whole number, {least} " + ("or more" if most >= 2**40 else f"to {most}"))

    return check


def number(least: float = -1e37, most: float = 1e37) -> Check:
    """A finite number."""

    def check(value: Any, place: str) -> None:
        plain = isinstance(value, (int, float)) and not isinstance(value, bool)
        # Whole numbers may be too large for a float, and NaN is in no range.
        if not plain or not least <= value <= most:
            refuse(value, place, "a number" if least < 0 else f"a number, {least:g} or more")

    return check


def text(value: Any, place: str) -> None:
    """Text."""
    if not isinstance(value, str):
        refuse(value, place, "text")


def flag(value: Any, place: str) -> None:
    """True or false."""
    if not isinstance(value, bool):
        refuse(value, place, "true or false")


def anything(value: Any, place: str) -> None:
    """Whatever JSON can say."""


def matching(pattern: str, what: str) -> Check:
    """Text of a form."""
    form = re.compile(pattern)

    def check(value: Any, place: str) -> None:
        if not isinstance(value, str) or not form.fullmatch(value):
            refuse(value, place, what)

    return check


def one_of(*allowed: Any) -> Check:
    """One of some values."""

    def check(value: Any, place: str) -> None:
        if not any(value == each and type(value) is type(each) for each in allowed):
            refuse(value, place, " or ".join(map(str, allowed)))

    return check


def optional(inner: Check) -> Check:
    """Null, or what another check takes."""

    def check(value: Any, place: str) -> None:
        if value is not None:
            inner(value, place)

    return check


def listing(inner: Check, count: int | None = None, least: int = 0) -> Check:
    """A list of so many, or of at least so many."""

    def check(value: Any, place: str) -> None:
        if not isinstance(value, (list, tuple)):
            refuse(value, place, "a list")
        if len(value) < least or (count is not None and len(value) != count):
            refuse(value, place, f"{least} or more values" if count is None else f"{count} values")
        for at, item in enumerate(value):
            inner(item, f"{place}[{at}]")

    return check


def different(inner: Check, count: int | None = None, least: int = 0) -> Check:
    """A list in which nothing comes twice."""
    each = listing(inner, count, least)

    def check(value: Any, place: str) -> None:
        each(value, place)
        if len(set(value)) < len(value):
            refuse(value, place, "values of which none comes twice")

    return check


def mapping(inner: Check) -> Check:
    """A dictionary of values of one kind."""

    def check(value: Any, place: str) -> None:
        if not isinstance(value, dict):
            refuse(value, place, "a dictionary")
        for key, item in value.items():
            inner(item, f"{place}.{key}")

    return check


def fields(required: Mapping[str, Check], others: Mapping[str, Check] | None = None, *, more: bool = False) -> Check:
    """A dictionary with these keys.

    Args:
        required: Keys that must be there.
        others: Keys that may be.
        more: Further keys, of which nothing is known, may be there too.
    """
    known = {**required, **(others or {})}

    def check(value: Any, place: str) -> None:
        if not isinstance(value, dict):
            refuse(value, place, "a dictionary")
        at = f"{place}." if place else ""
        for key in required:
            if key not in value:
                raise Wrong(f"{at}{key} is missing")
        for key, item in value.items():
            if key in known:
                known[key](item, f"{at}{key}")
            elif not more:
                raise Wrong(f"{at}{shorten(printable(key), 40)} is unknown")

    return check


def sound(value: Any) -> None:
    """Refuse JSON that Python reads and cannot write: nested too deeply, or text that is no Unicode.

    Raises:
        Wrong: It is such.
    """
    level = [value]
    for _ in range(_DEEPEST):
        if not level:
            return
        inner: list[Any] = []
        for item in level:
            if isinstance(item, dict):
                inner += [*item, *item.values()]
            elif isinstance(item, list):
                inner += item
            elif isinstance(item, str):
                try:
                    item.encode()
                except UnicodeEncodeError:
                    raise Wrong(f"{said(item)} is no Unicode text") from None
        level = inner
    raise Wrong(f"lists and dictionaries are nested deeper than {_DEEPEST}")


def finite(values: Any) -> bool:
    """Whether all numbers of a list are finite; whole numbers of any size are."""
    return all(not isinstance(value, float) or math.isfinite(value) for value in values)
