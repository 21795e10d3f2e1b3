"""Types of options: the range of a number is part of its type, checked alike for YAML, command line and Python.

>>> check_value(0, PositiveInt, "method.steps")
Traceback (most recent call last):
    ...
hf_distill.errors.UserError: method.steps is 0; it must be 1 or more
"""

from __future__ import annotations

import importlib
import inspect
import math
import re
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from jsonargparse import Namespace

from hf_distill.errors import UserError

# What no machine has so many of; larger numbers are slips, and C code overflows by them.
_MOST_INT = 2**31 - 1
_MOST_FLOAT = 1e6


@dataclass(frozen=True)
class Range:
    """The numbers that an option takes, both ends included unless said otherwise.

    Args:
        least: The smallest.
        most: The largest.
        above: ``least`` itself is left out.
        below: ``most`` itself is left out.
        step: Only multiples of it.
    """

    least: float
    most: float
    above: bool = False
    below: bool = False
    step: int = 0

    def __contains__(self, value: Any) -> bool:
        low = value > self.least if self.above else value >= self.least
        high = value < self.most if self.below else value <= self.most
        return bool(low and high and not (self.step and value % self.step))

    def __repr__(self) -> str:
        """Say the range as a message does: ``1 or more``, ``0 to 1``, ``above 0``."""
        low, high = _number(self.least), _number(self.most)
        if self.step:
            return f"a multiple of {self.step}, {low} to {high}"
        if self.most in (_MOST_INT, _MOST_FLOAT):
            return f"above {low}" if self.above else f"{low} or more"
        if self.above or self.below:
            return f"{'above' if self.above else 'from'} {low} {'to below' if self.below else 'to'} {high}"
        return f"{low} to {high}"


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else f"{value:g}"


@dataclass(frozen=True)
class NotEmpty:
    """A text or a list with something in it."""

    def __contains__(self, value: Any) -> bool:
        return bool(value.strip() if isinstance(value, str) else value)

    def __repr__(self) -> str:
        return "not empty"


@dataclass(frozen=True)
class OneOf:
    """A value of a table.

    Args:
        values: The table.
    """

    values: tuple[Any, ...]

    def __contains__(self, value: Any) -> bool:
        return value in self.values

    def __repr__(self) -> str:
        return f"one of {', '.join(map(str, self.values))}"


@dataclass(frozen=True)
class Like:
    """A text of some form.

    Args:
        pattern: The regular expression of all of it.
        said: The form in words.
    """

    pattern: str
    said: str

    def __contains__(self, value: Any) -> bool:
        return bool(re.fullmatch(self.pattern, value))

    def __repr__(self) -> str:
        return self.said


PositiveInt = Annotated[int, Range(1, _MOST_INT)]
"""A count of what there is at least one of."""
NonNegativeInt = Annotated[int, Range(0, _MOST_INT)]
"""A count."""
Seed = Annotated[int, Range(0, 2**63 - 1)]
"""A seed."""
PositiveFloat = Annotated[float, Range(0, _MOST_FLOAT, above=True)]
"""A size, a rate or a scale that is never zero."""
NonNegativeFloat = Annotated[float, Range(0, _MOST_FLOAT)]
"""A weight."""
Share = Annotated[float, Range(0, 1)]
"""A share of something, 0 to 1."""
ShareBelowOne = Annotated[float, Range(0, 1, below=True)]
"""A share that is never the whole: a momentum, a dropout."""
Few = Annotated[int, Range(1, 10_000)]
"""Networks, seeds, restarts: what is trained or run so many times."""
WIDTHS = (1, 2, 3, 4, 5, 6, 7, 8, 16)
"""Bits that a stored value may have."""
Precision = Annotated[int, OneOf(WIDTHS)]
"""One of them."""
Width = Annotated[int, Range(1, 16_384)]
"""Channels or units of a layer."""
Depth = Annotated[int, Range(1, 64)]
"""Layers or blocks of a network."""
Steps = Annotated[int, Range(1, 10_000)]
"""Training steps that are held in memory to be differentiated."""
Text = Annotated[str, NotEmpty()]
"""A name that must be given."""
Device = Annotated[str, Like(r"auto|cpu|mps|cuda(:\d{1,3})?", "auto, cpu, cuda, cuda:1 or mps")]
"""Where to work; ``auto`` takes a GPU where there is one."""


# What Python alone can give, data that are open.
_PYTHON_ALONE = inspect.Parameter.VAR_POSITIONAL


def check_options(cls: type, values: Mapping[str, Any], path: str) -> None:
    """Check constructor arguments against the types that a class declares for them.

    Args:
        cls: The class.
        values: Arguments by name; those that are left out are not looked at.
        path: Where they stand, for the message: ``method.synthetic``, or the name of the class.

    Raises:
        UserError: A value is of another type, or out of its range; the message names it and what is allowed.
    """
    hints = option_types(cls)
    for name, value in values.items():
        if name in hints:
            check_value(value, hints[name], f"{path}.{name}")


@cache
def option_types(cls: type) -> dict[str, Any]:
    """Return the declared type of every constructor argument of a class."""
    constructor = cls.__init__  # type: ignore[misc]
    try:
        hints = typing.get_type_hints(constructor, include_extras=True)
    except NameError:  # a stranger's annotations may name what is imported for type checkers alone
        return {}
    options = inspect.signature(constructor).parameters
    return {name: hint for name, hint in hints.items() if name in options and options[name].kind is not _PYTHON_ALONE}


def check_value(value: Any, hint: Any, path: str) -> None:
    """Check one value against a type; see :func:`check_options`."""
    if problem := _problem(value, hint):
        raise UserError(f"{path} is {_said(value)}; it must be {problem}")
    if described := _described(value):
        check_options(*described, path)
    # An element that is wrong is named by its place.
    if isinstance(value, (list, tuple)):
        for item_hint in _item_hints(hint):
            for place, item in enumerate(value):
                check_value(item, item_hint, f"{path}[{place}]")


def _item_hints(hint: Any) -> list[Any]:
    """Return the types of a list's elements, of a hint that may be a list."""
    origin, args = get_origin(hint), get_args(hint)
    if origin is list:
        return [args[0]]
    if origin is Annotated:
        return _item_hints(args[0])
    if origin in (Union, UnionType):
        return [found for branch in args for found in _item_hints(branch)]
    return []


def _described(value: Any) -> tuple[type, Mapping[str, Any]] | None:
    """Return class and arguments of a part that a parser has read and not made yet; None for any other value."""
    if not isinstance(value, Namespace) or not isinstance(value.get("class_path"), str):
        return None
    module, _, name = value["class_path"].rpartition(".")
    return getattr(importlib.import_module(module), name), vars(value.get("init_args") or Namespace())


def _problem(value: Any, hint: Any) -> str:
    """Return what a value would have to be, or nothing where it is that."""
    origin, args = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _outside(value, args[0], args[1:])
    if origin in (Union, UnionType):
        problems = [_problem(value, branch) for branch in args]
        if "" in problems:
            return ""
        # Of a number or null, say the number.
        return " or ".join(dict.fromkeys(problems))
    if origin is Literal:
        return "" if any(value == arg and type(value) is type(arg) for arg in args) else _listed(args)
    if hint in (None, NoneType):
        return "" if value is None else "null"
    if hint in _PLAIN:
        return "" if _is_plain(value, hint) else _PLAIN[hint]
    if origin is list:
        return "" if isinstance(value, (list, tuple)) else "a list"
    if origin is dict:
        return "" if isinstance(value, (dict, Namespace)) else "a dictionary"
    # Classes: the parser and Python see to the class; null is what both let through.
    return f"a {hint.__name__}" if value is None and inspect.isclass(hint) and hint is not object else ""


def _outside(value: Any, base: Any, marks: tuple[Any, ...]) -> str:
    problem = _problem(value, base)
    allowed = " and ".join(map(repr, marks))
    if problem:
        return allowed if _is_number(value) and not math.isfinite(value) else f"{problem}, {allowed}"
    return "" if all(value in mark for mark in marks) else allowed


_PLAIN = {int: "a whole number", float: "a number", str: "text", bool: "true or false"}


def _is_plain(value: Any, kind: type) -> bool:
    if kind is float:
        return _is_number(value) and math.isfinite(value)
    return type(value) is bool if kind is bool else isinstance(value, kind) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _listed(args: tuple[Any, ...]) -> str:
    return f"one of {', '.join(map(repr, args))}" if len(args) > 1 else repr(args[0])


def _said(value: Any) -> str:
    text = "null" if value is None else str(value) if _is_number(value) else repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
