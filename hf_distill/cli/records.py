"""What a command takes from a set's record: data, and nothing that decides what code runs."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from hf_distill.cli.parsing import run_folder
from hf_distill.cli.yaml_files import check_config_files, load_yaml, words_of
from hf_distill.errors import UserError
from hf_distill.files import user_path, write_atomically
from hf_distill.hub.private import without_private_paths
from hf_distill.hub.record import RECORD
from hf_distill.options import option_types
from hf_distill.parts import Part, concrete, kinds
from hf_distill.text import shorten

_DECIDE = ("method", "data", "evaluator", "seed")
# The configuration of the set that is there, and of the one that is being saved.
_FINISHED, _FINISHING = "config.yaml", "config.next.yaml"
_TRUST = "give yours on the command line, or add --trust_record=true if you trust whoever made the set"


def check_record(values: Any, path: str) -> None:
    """Refuse a description that names anything but parts of this library with plain values.

    Whoever made a set wrote its record. Were it taken as it is, it could name any module of this machine to import, any
    function to call and any repository to fetch code from.

    Args:
        values: The description, JSON.
        path: Where it stands, ``evaluator`` for example.

    Raises:
        UserError: It is none of ours, or brings code, models or files of somebody's; the message names the place.
    """
    known = {name: cls for cls in concrete(Part) for name in _names(cls)}
    for place, part in _descriptions(values, path):
        name = part.get("class_path")
        cls = known.get(name) if isinstance(name, str) else None
        options = part.get("init_args") or {}
        if cls is None:
            raise UserError(f"the set's record names {name!r} as {place}, which is no part of hf_distill: {_TRUST}")
        if set(part) - {"class_path", "init_args"} or not isinstance(options, dict):
            raise UserError(f"the set's record describes {place} by {', '.join(map(str, part))}: {_TRUST}")
        types = option_types(cls)
        for option, value in options.items():
            # The name of a part may stand for its description; any other is an import path, or that of a file.
            names = [name for name in (value if isinstance(value, list) else [value]) if isinstance(name, str)]
            if kinds(types.get(option)) and not known.keys() >= set(names):
                raise UserError(f"the set's record names {value!r} as {place}.{option}: {_TRUST}")
        if foreign := cls.foreign(options):
            said = ", ".join(f"{option} {shorten(str(options.get(option)), 60)!r}" for option in foreign)
            raise UserError(f"the set's record gives {place} the {said}, which is not hf_distill's: {_TRUST}")
    if not isinstance(values, dict) or "class_path" not in values:
        raise UserError(f"the set's record has no description of {path}: give it on the command line or in --config")


def check_configurations(argv: list[str]) -> None:
    """Refuse a configuration file that came with a set and names what a record may not.

    Raises:
        UserError: As :func:`check_record`, unless the command line says that it is trusted.
    """
    check_config_files(argv)
    if trusts(argv):
        return
    for word in words_of(argv, "--config"):
        path = user_path(word)
        if path.is_file() and (path.parent / RECORD).is_file():
            values = load_yaml(path.read_text(encoding="utf-8"))
            for key, value in values.items() if isinstance(values, dict) else ():
                if isinstance(value, dict) and "class_path" in value:
                    check_record(value, key)


def trusts(argv: list[str]) -> bool:
    """Whether a command line trusts whoever made the set that it names."""
    return [word.lower() for word in words_of(argv, "--trust_record")][-1:] == ["true"]


def _names(cls: type[Part]) -> tuple[str, ...]:
    """Return the names under which a record may know a part: its own, as the library's, and in full."""
    return cls.__name__, f"hf_distill.{cls.__name__}", f"{cls.__module__}.{cls.__name__}"


def _descriptions(values: Any, path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield everything within JSON that a parser would take for the description of a part, with its place."""
    if isinstance(values, dict):
        if "class_path" in values:
            yield path, values
        for key, value in values.items():
            yield from _descriptions(value, path if key == "init_args" else f"{path}.{key}")
    elif isinstance(values, list):
        for place, value in enumerate(values):
            yield from _descriptions(value, f"{path}[{place}]")


def run_config(output_dir: Path, recorded: dict[str, Any]) -> dict[str, Any] | None:
    """Return the configuration that made a set with the paths of this machine, where its run folder has it.

    The record is the one source of truth: a configuration in the run folder counts where it says the same.

    Args:
        output_dir: The set.
        recorded: The configuration in its record.
    """
    for name in (_FINISHED, _FINISHING):
        path = run_folder(output_dir) / name
        try:
            config = load_yaml(path.read_text(encoding="utf-8")) if path.is_file() else None
        except (OSError, UnicodeDecodeError, yaml.YAMLError):
            continue
        if isinstance(config, dict) and same_run(without_private_paths(config), recorded, _DECIDE):
            return config
    return None


@contextlib.contextmanager
def saving_run_config(output_dir: Path, config: dict[str, Any]) -> Iterator[None]:
    """Keep the configuration in the run folder while the block saves the set; ``distill --config`` runs it again.

    A crash at any point leaves a configuration that says what the record of the set says that is there.
    """
    folder = run_folder(output_dir)
    write_atomically(folder / _FINISHING, yaml.safe_dump(config, sort_keys=False))
    yield
    os.replace(folder / _FINISHING, folder / _FINISHED)


def same_run(one: dict[str, Any], other: dict[str, Any], keys: tuple[str, ...]) -> bool:
    """Whether two configurations say the same under some keys."""
    return all(one.get(key) == other.get(key) for key in keys)
