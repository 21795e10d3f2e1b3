"""Names of parts and of their options, read from the source: importing the parts takes seconds."""

from __future__ import annotations

import ast
import difflib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from hf_distill.lazy import homes

#: The base of what stands at a place of a configuration.
BASES = {
    "data": "Data",
    "method": "Method",
    "method.synthetic": "Synthetic",
    "method.initial": "InitialSamples",
    "method.objective": "Objective",
    "evaluator": "Evaluator",
}


@dataclass(frozen=True)
class Known:
    """A class as its source shows it.

    Attributes:
        name: Its name.
        options: Keyword arguments of its constructor, with their types as they are written; None where that is
            inherited.
        bases: Modules and names of what it is derived from.
        is_abstract: It has methods that are only declared.
    """

    name: str
    options: dict[str, str] | None
    bases: tuple[tuple[str, str], ...]
    is_abstract: bool


@cache
def _module(module: str) -> dict[str, Known]:
    """Return the classes of one of the library's modules."""
    path = Path(__file__).parents[1].joinpath(*module.split(".")[1:]).with_suffix(".py")
    if not path.is_file():
        return {}
    body = ast.parse(path.read_text(encoding="utf-8")).body
    imported = {
        alias.asname or alias.name: (node.module or "", alias.name)
        for node in body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    found = {}
    for node in body:
        if isinstance(node, ast.ClassDef):
            # A base may be generic: Objective[RealData].
            named = [base.value if isinstance(base, ast.Subscript) else base for base in node.bases]
            bases = [imported.get(base.id, (module, base.id)) for base in named if isinstance(base, ast.Name)]
            methods = [part for part in node.body if isinstance(part, ast.FunctionDef)]
            marks = [mark for method in methods for mark in method.decorator_list]
            makes = [method for method in methods if method.name == "__init__"]
            found[node.name] = Known(
                node.name,
                _types(makes[0].args) if makes else None,
                tuple(bases),
                any(isinstance(mark, ast.Name) and mark.id == "abstractmethod" for mark in marks),
            )
    return found


def _types(arguments: ast.arguments) -> dict[str, str]:
    return {each.arg: ast.unparse(each.annotation) if each.annotation else "" for each in arguments.kwonlyargs}


def _of(module: str, name: str) -> Known | None:
    return _module(module).get(name) if module.startswith("hf_distill.") else None


def _line(module: str, name: str) -> Iterator[Known]:
    """Yield a class and those that it is derived from."""
    known = _of(module, name)
    if known is not None:
        yield known
        for base in known.bases:
            yield from _line(*base)


def options_of(name: str) -> dict[str, str] | None:
    """Return the options of a part of this library by its name or import path, with their types as they are written.

    None of anything else.
    """
    short = name.rpartition(".")[2]
    if short not in homes() or name not in (short, f"hf_distill.{short}", f"{homes()[short]}.{short}"):
        return None
    return next((known.options for known in _line(homes()[short], short) if known.options is not None), {})


@cache
def parts_of(base: str) -> tuple[str, ...]:
    """Return the names of all public parts that are of some kind and can be made."""
    return tuple(
        name
        for name, module in sorted(homes().items())
        if not getattr(_of(module, name), "is_abstract", True)
        and any(known.name == base for known in _line(module, name))
    )


def meant(name: str, given: Collection[str], group: str = "method", options: Collection[str] = ()) -> str:
    """Return what may be meant by an option that there is not, as the end of a message.

    Args:
        name: Its last word.
        given: The options that the user gave, ``--NAME``: none of them is what was meant instead.
        group: Where it stands: ``data``, ``method`` or ``evaluator``.
        options: The command's own, ``--NAME``.
    """
    own = difflib.get_close_matches(f"--{name}", set(options) - set(given), n=1, cutoff=0.75)
    if options and "--data" not in options:  # a command without parts
        return f": did you mean {own[0]}?" if own else "; --help tells all options"
    paths = [
        f"--{path}.{name}"
        for path, base in BASES.items()
        if any(name in (options_of(part) or ()) for part in parts_of(base))
    ]
    paths = [path for path in paths if path not in given]
    if paths:
        return f": did you mean {' or '.join(paths)}?"
    if own:
        return f": did you mean {own[0]}?"
    known = {option for part in parts_of("Part") for option in options_of(part) or ()}
    # One that another class has is no slip.
    close = [] if name in known else difflib.get_close_matches(name, known, n=1, cutoff=0.7)
    return f": did you mean {close[0]!r}?" if close else f"; --help and --{group}.help CLASS tell all options"
