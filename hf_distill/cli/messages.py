"""jsonargparse's errors in one line that names the option, the bad value and the allowed ones."""

from __future__ import annotations

import re
from argparse import ArgumentError
from collections.abc import Collection
from functools import cache
from typing import Any

from jsonargparse import ArgumentParser, Namespace, _typehints
from jsonargparse._typehints import ActionTypeHint
from jsonargparse._util import import_object

from hf_distill.cli.names import meant
from hf_distill.cli.yaml_files import check_config_files, guard_parser
from hf_distill.errors import UserError
from hf_distill.options import check_options, check_value, option_types
from hf_distill.parts import Part, concrete, kinds


def parse(parser: ArgumentParser, argv: list[str], **groups: type[Any]) -> Namespace:
    """Parse a command line; the parser is one with ``exit_on_error=False``.

    Args:
        parser: The command's parser.
        argv: The words after the command.
        groups: Classes whose options are a group of the parser's, by its name.

    Raises:
        UserError: An option or a value is wrong.
    """
    guard_parser()
    _typehints.discard_init_args_on_class_path_change = _forget_options
    check_config_files(argv)
    try:
        config = parser.parse_args(argv)
    except ArgumentError as error:
        given = {word.split("=")[0] for word in argv if word.startswith("--")}
        options = [option for action in parser._actions for option in action.option_strings]
        raise UserError(one_line(str(error), given, options)) from error
    except (UnicodeDecodeError, RecursionError) as error:
        raise UserError(f"an argument or a file that it names cannot be read: {error}") from error
    for action in parser._actions:
        if isinstance(action, ActionTypeHint):
            values = config.get(action.dest)
            for value in values if action.nargs == "+" else [values]:
                check_value(value, action._typehint, action.dest)
    for name, cls in groups.items():
        check_options(cls, vars(config[name]), name)
    if config.get("progress") is False:
        import datasets  # which has bars of its own, of reading and writing files

        datasets.disable_progress_bars()
    return config


def _forget_options(parser: Any, previous: Any, value: Any) -> None:
    """Drop the options of a class where another one takes its place.

    The parser keeps those that the other one has too: what a file says of the optimiser of one objective would go for
    another one, named on the command line, and one description would mean different things in YAML and in Python.
    """
    if previous and "init_args" in previous and not _is_same_class(previous["class_path"], value["class_path"]):
        previous["init_args"] = Namespace()


def _is_same_class(one: str, other: str) -> bool:
    """Whether two import paths, of which either may be a bare name, name one class."""
    if one == other or one.rpartition(".")[2] != other.rpartition(".")[2]:
        return one == other
    return not ("." in one and "." in other) or import_object(one) is import_object(other)


def build(parser: ArgumentParser, config: Namespace) -> Any:
    """Make the objects of a parsed configuration.

    Raises:
        UserError: An object cannot be made.
    """
    try:
        return parser.instantiate(config)
    except UserError:
        raise
    except (ArgumentError, TypeError, ValueError) as error:
        # The parser wraps what a constructor says, each nested one in words of its own.
        said: BaseException | None = error
        while said is not None and not isinstance(said, UserError):
            said = said.__cause__ or said.__context__
        raise UserError(str(said) if said else one_line(str(error))) from error


@cache
def _kinds() -> dict[str, set[type[Part]]]:
    """Return which classes an option of some name takes, wherever it stands."""
    from hf_distill.data.base import Data  # imported here, since commands without parts do without torch
    from hf_distill.evaluation.base import Evaluator
    from hf_distill.methods.method import Method

    found: dict[str, set[type[Part]]] = {"data": {Data}, "evaluator": {Evaluator}, "method": {Method}}
    for cls in concrete(Part):
        for name, hint in option_types(cls).items():
            found.setdefault(name, set()).update(kinds(hint))
    return found


def _made(name: str) -> list[type[Part]]:
    """Return the library's classes that an option of some name takes."""
    return [cls for kind in _kinds().get(name, ()) for cls in concrete(kind)]


def one_line(message: str, given: Collection[str] = (), options: Collection[str] = ()) -> str:
    """Summarise an error of jsonargparse.

    Args:
        message: Its text.
        given: The options that the user gave, ``--NAME``: none of them is what was meant instead.
        options: The command's own, ``--NAME``.

    It reports every branch of a union type it has tried, ``null`` among them, each with a line for the type of the
    argument. What the user did wrong is the innermost complaint.
    """
    message = message.replace("Got value: None", "Got value: null")
    keys = ".".join(re.findall(r'Parser key "([^"]+)"', message))
    if found := re.search(r"Option '([^']+)' is not accepted", message):
        name = found[1].split(".")[-1]
        return f"{keys} has no option {found[1]!r}{meant(name, {*given, f'--{keys}.{found[1]}'}, keys.split('.')[0])}"
    if found := re.search(r"unrecognized arguments: (.+)", message):
        option = found[1].split()[0].split("=")[0]
        if not option.startswith("-"):
            return f"{option!r} is one argument too many: what is not named stands once, the rest as --NAME=VALUE"
        name = option.split(".")[-1].strip("-")
        return f"no option {option}{meant(name, given, options=options)}"
    if found := re.search(r"but \S+ is abstract(?s:.*?)NestedArg\(key='(\w+)'", message):
        return f"{keys}.{found[1]}: name a class first, --{keys}=CLASS{_classes(keys)}"
    if found := re.search(r"Expected a dot import path string: (\S+)", message):
        return f"{keys}: no class {found[1]!r}{_classes(keys)}"
    if found := re.search(r"Expected a typing\.Literal\[(.+?)\]\. Got value: (.*)", message):
        return f"{keys}: {found[2]!r} is none of {found[1]}"
    if found := re.search(r"Expected an? <class '(\w+)'>\. Got value: (.*)", message):
        return f"{keys}: {found[2]!r} is no {found[1]}" + (f": write [{found[2]}]" if found[1] == "list" else "")
    # Of a list or null the value comes last, behind what either says.
    if found := re.search(r"Expected a <class 'list'>\n(?s:.*?)\n *Given value: (.*)", message):
        return f"{keys}: {found[1]!r} is no list: write [{found[1]}]"
    if found := re.search(r"Not a valid subclass of (\w+)\. Got value: (.*)", message):
        return f"{keys} is {found[2]}" + (_classes(keys).replace(":", ";") or f"; it must be a {found[1]}")
    if found := re.search(r"File does not exist: '?([^'\n]+)", message):
        return f"{keys}: no file {found[1]}"
    if "Got value: null" in message:
        return f"{keys} is null; it must be given"
    return "; ".join(line.strip(" -") for line in message.splitlines() if line.strip())


def _classes(keys: str) -> str:
    """Return which classes an option takes, as the end of a message."""
    names = {cls.__name__ for cls in _made(keys.split(".")[-1])}
    return f": choose {', '.join(sorted(names))}" if names else ""
