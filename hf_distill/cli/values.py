"""What is wrong with a word of the command line as a value, by a type that may be known by its source alone."""

from __future__ import annotations

import contextlib
import difflib
import re
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import yaml
from jsonargparse._loaders_dumpers import get_loader

from hf_distill import options
from hf_distill.cli.names import parts_of
from hf_distill.cli.yaml_files import load_yaml
from hf_distill.errors import UserError
from hf_distill.lazy import homes
from hf_distill.options import check_value


def type_of(written: str) -> Any:
    """Return a type of numbers or choices that the library's source writes so; ``Any`` for every other one."""
    try:
        found = eval(written, vars(options))  # nothing of a user's: an annotation of this library
    except NameError:  # made of what is imported elsewhere
        return Any
    return found if _is_plain(found) else Any


def _is_plain(hint: Any) -> bool:
    """Whether all values of a type are numbers, choices, true or false, null, or lists of them."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _is_plain(inner[0])
    if origin in (Union, UnionType, list):
        return all(map(_is_plain, inner))
    return origin is Literal or hint in (int, float, bool, None, NoneType)


def check_word(word: str, hint: Any, place: str) -> None:
    """Refuse what is no value of a type of numbers or choices; other types are not looked at.

    Raises:
        UserError: The message names the place, the word and what is allowed.
    """
    if not _is_plain(hint):
        return
    with contextlib.suppress(UserError):
        return check_value(word, hint, place)  # a choice whose name YAML takes for something else
    with contextlib.suppress(yaml.YAMLError):
        check_value(load_yaml(word, get_loader("yaml")), hint, place)


def check_class(word: str, written: str, place: str) -> None:
    """Refuse a name where a part is expected that no such part has.

    Args:
        word: The name.
        written: The type of the option, as the source writes it; one that takes more than parts is not looked at.
        place: Where it stands.

    Raises:
        UserError: The message names those that there are.
    """
    bases = [name for name in re.findall(r"\w+", written) if name not in ("None", "list")]
    if not word.isidentifier() or word in ("null", "None") or not bases or not {*bases} <= homes().keys():
        return
    known = sorted({name for base in bases for name in parts_of(base)})
    if known and word not in known:
        close = difflib.get_close_matches(word, known, n=1)
        meant = f"did you mean {close[0]}? There are" if close else "choose"
        raise UserError(f"{place}: no class {word!r}: {meant} {', '.join(known)}")
    if written.startswith("list["):
        raise UserError(f"{place} is {word!r}; it must be a list: [{word}]")
