"""``hf-distill completion``: what a shell runs to complete commands, options, configurations and parts."""

from __future__ import annotations

import argparse
import inspect
from importlib import import_module
from typing import Literal

from jsonargparse import ArgumentParser

from hf_distill.cli.main import COMMANDS, module_of
from hf_distill.cli.messages import parse
from hf_distill.cli.names import BASES, parts_of
from hf_distill.configurations import configurations
from hf_distill.errors import UserError

Shell = Literal["bash", "zsh", "tcsh"]


def build_parser() -> ArgumentParser:
    """Return the command's parser."""
    parser = ArgumentParser(
        exit_on_error=False,
        prog="hf-distill completion",
        description="Print a script that completes commands, options, configurations and parts on tab: "
        'eval "$(hf-distill completion bash)" in ~/.bashrc, or hf-distill completion zsh in a file of $fpath.',
    )
    parser.add_argument("shell", type=Shell, help="the shell")
    return parser


def run(argv: list[str]) -> None:
    """Print the script."""
    shell = parse(build_parser(), argv).shell
    try:
        import shtab
    except ImportError as error:
        raise UserError("completion needs shtab: pip install 'hf-distill[completion]'") from error
    print(shtab.complete(all_commands(), shell))


def all_commands() -> argparse.ArgumentParser:
    """Return a parser of plain words: every command with its options, and the names that some of them take."""
    parser = argparse.ArgumentParser(prog="hf-distill", description="Distill, measure and publish a dataset.")
    parser.add_argument("--version", action="store_true", help="say the version")
    commands = parser.add_subparsers()
    names = {f"--{place}": parts_of(base) for place, base in BASES.items()}
    names |= {"--config": tuple(configurations()), "configs name": tuple(configurations())}
    names |= {"parts name": parts_of("Part"), "completion shell": ("bash", "zsh", "tcsh")}
    for name, said in COMMANDS.items():
        command = commands.add_parser(name, help=said)
        for action in _actions(name):
            options = [option for option in action.option_strings if not option.endswith("+")]
            if action.dest == "help":
                continue
            added = command.add_argument(*(options or [action.dest]), help=_first_words(action.help))
            added.choices = names.get(options[0] if options else f"{name} {action.dest}")
            if not options and not added.choices:
                added.complete = {"bash": "_shtab_compgen_files", "zsh": "_files", "tcsh": "f"}  # type: ignore[attr-defined]
    return parser


def _actions(command: str) -> list[argparse.Action]:
    build = import_module(module_of(command)).build_parser
    light = {"light": True} if "light" in inspect.signature(build).parameters else {}
    return [action for action in build(**light)._actions if action.help != argparse.SUPPRESS]


def _first_words(text: str | None) -> str:
    """Return a help without what argparse or a shell would take for a mark of its own."""
    return " ".join((text or "").replace("%", "").replace("`", "").split())[:80]
