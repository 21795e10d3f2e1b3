"""What is wrong with a command line, said before torch and the parts are imported, which takes seconds."""

from __future__ import annotations

import difflib
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml
from jsonargparse import ArgumentParser

from hf_distill.choosing.size import size_of
from hf_distill.cli.names import BASES, meant, options_of
from hf_distill.cli.values import check_class, check_word, type_of
from hf_distill.cli.yaml_files import check_config_files, joined, load_yaml, words_of
from hf_distill.errors import UserError
from hf_distill.files import user_path

_RECORD = "distillation.json"  # of hf_distill.hub.record, which imports what takes seconds
# Groups of options, and the part that each is of unless something else is said.
_PARTS = {
    "data": "RealData",
    "method": None,
    "evaluator": "ClassificationEvaluator",
    "audit": "Audit",
    "budget": "Budget",
    "experts": "ExpertTraining",
    "generator": "GeneratorTraining",
    "teacher": "Teacher",
}
_FILES = (".csv", ".tsv", ".json", ".jsonl", ".parquet", ".arrow")


def check_names(build_parser: Callable[..., ArgumentParser], argv: list[str]) -> None:
    """Print help where it is asked for, and refuse names that there are not and values out of their range.

    Args:
        build_parser: Of the command: with ``light=True`` it makes one without parts.
        argv: The words after the command.

    Raises:
        SystemExit: Help was asked for.
        UserError: An option, a class or a local path is named that there is not, or a number or a choice is none that
            is allowed; whatever else is wrong is found later.
    """
    parser = build_parser(light=True)
    if "-h" in argv or "--help" in argv:
        parser.print_help()
        sys.exit(0)
    known = {option.rstrip("+") for action in parser._actions for option in action.option_strings}
    check_config_files(argv)
    config = _config(argv)
    given = {word.partition("=")[0] for word in argv if word.startswith("--")}
    types = {
        option: getattr(action, "_typehint", str) for action in parser._actions for option in action.option_strings
    }
    for option in sorted(given):
        name = option.rstrip("+").lstrip("-")
        group, *keys = name.split(".")
        if group in _PARTS and f"--{group}" in known:
            if "help" not in keys:
                _check_values(option, _check(group, keys, argv, config, given), argv)
        elif option in types:
            for word in words_of(argv, option) if not option.endswith("+") else ():
                check_word(word, types[option], name)
        # What is not one of them may be the beginning of one.
        elif not any(each.startswith(f"--{name}") for each in known):
            raise UserError(f"no option {option}{meant(keys[-1] if keys else name, given, options=known)}")
    _check_sets(parser, argv)
    for word in words_of(argv, "--data.path") + argv[:1]:
        _check_path(word)
    size_of(*(words_of(argv, f"--{name}") for name in ("size", "per_class")))


def _check_sets(parser: ArgumentParser, argv: list[str]) -> None:
    """Refuse a command that asks for sets where none is named, and what is neither a folder nor the Hub's name of one.

    Raises:
        UserError: The message says what to name.
    """
    asked = {action.dest for action in parser._actions if not action.option_strings} & {"folder", "sets"}
    if not asked:
        return
    named = [word for word in joined(argv) if not word.startswith("-")]
    if asked == {"sets"} and len(set(named)) < max(2, len(named)):
        raise UserError(f"name two sets or more, each once: {parser.prog} outputs/one outputs/other")
    if not named:
        raise UserError(f"name the set first: {parser.prog} outputs/NAME")
    for word in named:
        if not user_path(word).exists() and (word.count("/") != 1 or word.startswith((".", "/", "~"))):
            raise UserError(f"no folder {word}, and it is no Hub dataset (namespace/name) either")


def _config(argv: list[str]) -> dict[str, Any] | None:
    """Return what the configuration file says, or the record of the set that is named; None of several."""
    words = words_of(argv, "--config")
    if not words:
        return _recorded(argv)
    if len(words) != 1 or not Path(words[0]).expanduser().is_file():
        return None
    try:
        values = load_yaml(Path(words[0]).expanduser().read_text(encoding="utf-8"))
    except yaml.YAMLError:
        return None
    return values if isinstance(values, dict) else None


def _recorded(argv: list[str]) -> dict[str, Any] | None:
    """Return the configuration in the record of a set that is named, nothing where none is; None if unknown."""
    record = next((path for word in argv if (path := Path(word).expanduser() / _RECORD).is_file()), None)
    if record is None:
        return {}
    try:
        config = json.loads(record.read_text(encoding="utf-8"))["config"]
    except (ValueError, LookupError, TypeError, OSError):
        return None
    return config if isinstance(config, dict) and isinstance(config.get("evaluator"), dict) else None


def _check(group: str, keys: list[str], argv: list[str], config: dict[str, Any] | None, given: set[str]) -> str:
    """Follow an option from part to part as far as their classes are known, and return its type as it is written.

    Raises:
        UserError: There is no such option.
    """
    if config is None:
        return ""
    described = config.get(group)
    place, written = group, BASES.get(group, "")
    for depth, key in enumerate(keys):
        if key in ("class_path", "init_args"):
            continue
        name, described = _class_of(place, described, argv)
        options = None if name is None else options_of(name)
        if options is None:
            return ""
        if key not in options:
            rest = ".".join(keys[depth:])
            close = [f"--{place}.{own}" for own in difflib.get_close_matches(key, options, n=1, cutoff=0.7)]
            said = f": did you mean {close[0]}?" if close and close[0] not in given else ""
            raise UserError(
                f"{place} has no option {rest!r}{said or meant(keys[-1], {*given, f'--{place}.{rest}'}, group)}"
            )
        place, described, written = f"{place}.{key}", described.get(key), options[key]
    return written


def _check_values(option: str, written: str, argv: list[str]) -> None:
    """Check what a command line gives an option of a part, by its type as the source writes it."""
    for word in words_of(argv, option) if written and not option.endswith("+") else ():
        check_class(word, written, option.lstrip("-"))
        check_word(word, type_of(written), option.lstrip("-"))


def _class_of(place: str, described: Any, argv: list[str]) -> tuple[str | None, dict[str, Any]]:
    """Return the name of the class at a place and its options: of the command line, of a file, or the default."""
    words = words_of(argv, f"--{place}") + words_of(argv, f"--{place}.class_path")
    if words:
        return (words[-1], {}) if words[-1].replace(".", "").isidentifier() else (None, {})
    default = _PARTS.get(place)
    if isinstance(described, dict) and default is not None and "class_path" not in described:
        return default, described
    if isinstance(described, dict) and isinstance(described.get("class_path"), str):
        options = described.get("init_args")
        return described["class_path"], options if isinstance(options, dict) else {}
    if isinstance(described, str):
        return described, {}
    return default if described is None else None, {}


def _check_path(word: str) -> None:
    """Refuse what can only be a path and leads nowhere."""
    if word.startswith("-") or not word:
        return
    looks_local = word.startswith((".", "/", "~")) or word.count("/") > 1 or word.lower().endswith(_FILES)
    if "://" in word and not word.startswith("hf://"):
        raise UserError(f"{word} is an address: download it first, or name a Hub dataset by namespace/name")
    if looks_local and not user_path(word).exists():
        raise UserError(f"no such file or folder: {word}")
