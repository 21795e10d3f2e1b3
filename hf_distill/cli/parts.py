"""``hf-distill parts``: what a configuration is made of."""

from __future__ import annotations

import difflib
import inspect
import re
import textwrap
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from jsonargparse import ArgumentParser

from hf_distill.cli.messages import parse
from hf_distill.cli.names import parts_of
from hf_distill.errors import UserError
from hf_distill.lazy import homes
from hf_distill.options import option_types
from hf_distill.parts import Part, concrete

_WIDTH = 110
# What Sphinx reads as a link or as code: :class:`Name`, ``name``.
_MARKUP = re.compile(r":\w+:`~?(?:[\w.]+\.)?(\w+)`|``([^`]+)``")


def build_parser() -> ArgumentParser:
    """Return the command's parser."""
    parser = ArgumentParser(
        exit_on_error=False,
        prog="hf-distill parts",
        description="List the parts that a configuration is made of, by what they are, or explain one: its options, "
        "their types and defaults. A part stands in YAML by its name, or as class_path and init_args.",
    )
    parser.add_argument("name", type=str | None, nargs="?", default=None, help="explain this part, or list this group")
    return parser


def run(argv: list[str]) -> None:
    """Print the list, a group of it, or a part."""
    name = parse(build_parser(), argv).name
    if name is not None and name not in homes():
        close = difflib.get_close_matches(name, parts_of("Part"), n=3)
        meant = f"did you mean {' or '.join(close)}? " if close else ""
        raise UserError(f"no part {name!r}: {meant}`hf-distill parts` lists them")
    groups = grouped()
    if name is None:
        print("\n\n".join(listed(base, parts) for base, parts in groups.items()))
        print("\nhf-distill parts NAME explains one")
        return
    known: dict[str, type[Part]] = {cls.__name__: cls for parts in groups.values() for cls in parts}
    bases = {base.__name__: base for base in groups}
    if name in known:
        print(explained(known[name]))
    elif name in bases:
        print(f"{about(bases[name])}\n\n{listed(bases[name], groups[bases[name]])}")
    else:
        raise UserError(f"{name} is no part: `hf-distill parts` lists them")


def grouped() -> dict[type[Part], list[type[Part]]]:
    """Return the parts under what they are: the highest class below ``Part`` that each is of."""
    found: dict[type[Part], list[type[Part]]] = {}
    for cls in dict.fromkeys(concrete(Part)):
        # The highest is the last but Part and what Part is of.
        base = [kind for kind in cls.__mro__ if issubclass(kind, Part) and kind is not Part][-1]
        found.setdefault(base, []).append(cls)
    order = sorted(found, key=lambda base: (len(found[base]) == 1, base.__name__))
    return {base: sorted(found[base], key=lambda cls: cls.__name__) for base in order}


def listed(base: type[Part], parts: list[type[Part]]) -> str:
    """Return a group: what it is, and its parts with a line each."""
    width = max(len(cls.__name__) for cls in parts) + 2
    lines = [base.__name__] if parts != [base] else []
    return "\n".join([*lines, *(f"  {cls.__name__:{width}}{first_line(cls)}" for cls in parts)])


def first_line(cls: type[Part]) -> str:
    """Return the first sentence of a class's docstring."""
    text = " ".join(about(cls).split("\n\n")[0].split())
    return textwrap.shorten(text.split(". ")[0].rstrip(".:"), _WIDTH, placeholder=" ...")


def about(cls: type[Part]) -> str:
    """Return a class's docstring as plain text."""
    return _MARKUP.sub(lambda found: found[1] or found[2], inspect.getdoc(cls) or cls.__name__)


def explained(cls: type[Part]) -> str:
    """Return a part's docstring, and its options as YAML gives them."""
    lines = [f"{cls.__name__}: {about(cls)}", "", "As YAML, with its defaults:", "", f"class_path: {cls.__name__}"]
    parameters = [p for p in inspect.signature(cls.__init__).parameters.values() if p.kind is p.KEYWORD_ONLY]
    if parameters:
        lines.append("init_args:")
    types = option_types(cls)
    for parameter in parameters:
        default = parameter.default
        shown = "(must be given)" if default is parameter.empty else _yaml(default)
        lines.append(f"{f'  {parameter.name}: {shown}':38} # {_said(types.get(parameter.name))}")
    return "\n".join(lines)


def _yaml(value: object) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return f"[{', '.join(map(_yaml, value))}]" if isinstance(value, (list, tuple)) else str(value)


def _said(hint: Any) -> str:
    """Return a type in words: ``int, 1 or more``, ``Pool or null``."""
    inner = get_args(hint)
    if get_origin(hint) is Annotated:
        return ", ".join([_said(inner[0]), *(str(mark) for mark in inner[1:])])
    if get_origin(hint) is Literal:
        return ", ".join(map(str, inner))
    if get_origin(hint) in (Union, UnionType):
        return " or ".join(map(_said, inner))
    if inner:
        return f"{hint.__origin__.__name__} of {' and '.join(_said(kind) for kind in inner if kind is not ...)}"
    return "null" if hint is NoneType else getattr(hint, "__name__", str(hint))
