"""What is wrong with a command line in its names, said before torch and the parts are imported, which takes seconds."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml
from jsonargparse import ArgumentParser

from hf_distill.choosing.size import size_of
from hf_distill.cli.names import meant, options_of
from hf_distill.cli.yaml_files import check_config_files, load_yaml, words_of
from hf_distill.errors import UserError
from hf_distill.files import user_path

_RECORD = "distillation.json"  # of hf_distill.hub.record, which imports what takes seconds
_PARTS = ("data", "method", "evaluator")
_FILES = (".csv", ".tsv", ".json", ".jsonl", ".parquet", ".arrow")


def check_names(build_parser: Callable[..., ArgumentParser], argv: list[str]) -> None:
    """Print help where it is asked for, and refuse names that there are not.

    Args:
        build_parser: Of the command: with ``light=True`` it makes one without parts.
        argv: The words after the command.

    Raises:
        SystemExit: Help was asked for.
        UserError: An option or a local path is named that there is not; whatever else is wrong is found later.
    """
    parser = build_parser(light=True)
    if "-h" in argv or "--help" in argv:
        parser.print_help()
        sys.exit(0)
    known = {option.rstrip("+") for action in parser._actions for option in action.option_strings}
    check_config_files(argv)
    config = _config(argv)
    given = {word.partition("=")[0] for word in argv if word.startswith("--")}
    for option in sorted(given):
        name = option.rstrip("+").lstrip("-")
        group, *keys = name.split(".")
        if group in _PARTS and f"--{group}" in known:
            if "help" not in keys:
                _check(group, keys, argv, config, given)
        # What is not one of them may be the beginning of one.
        elif not any(each.startswith(f"--{name}") for each in known):
            raise UserError(f"no option {option}{meant(keys[-1] if keys else name, given, options=known)}")
    for word in words_of(argv, "--data.path") + argv[:1]:
        _check_path(word)
    size_of(*(words_of(argv, f"--{name}") for name in ("size", "per_class")))


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


def _check(group: str, keys: list[str], argv: list[str], config: dict[str, Any] | None, given: set[str]) -> None:
    """Follow an option from part to part as far as their classes are known."""
    if config is None:
        return
    described = config.get(group)
    place = group
    for depth, key in enumerate(keys):
        if key in ("class_path", "init_args"):
            continue
        name, described = _class_of(place, described, argv)
        options = None if name is None else options_of(name)
        if options is None:
            return
        if key not in options:
            rest = ".".join(keys[depth:])
            said = meant(keys[-1], {*given, f"--{place}.{rest}"}, group)
            raise UserError(f"{place} has no option {rest!r}{said}")
        place, described = f"{place}.{key}", described.get(key)


def _class_of(place: str, described: Any, argv: list[str]) -> tuple[str | None, dict[str, Any]]:
    """Return the name of the class at a place and its options: of the command line, of a file, or the default."""
    words = words_of(argv, f"--{place}") + words_of(argv, f"--{place}.class_path")
    if words:
        return (words[-1], {}) if words[-1].replace(".", "").isidentifier() else (None, {})
    if isinstance(described, dict) and isinstance(described.get("class_path"), str):
        options = described.get("init_args")
        return described["class_path"], options if isinstance(options, dict) else {}
    if isinstance(described, str):
        return described, {}
    defaults = {"data": "RealData", "evaluator": "ClassificationEvaluator"}
    return defaults.get(place) if described is None else None, {}


def _check_path(word: str) -> None:
    """Refuse what can only be a path and leads nowhere."""
    if word.startswith("-") or not word:
        return
    looks_local = word.startswith((".", "/", "~")) or word.count("/") > 1 or word.lower().endswith(_FILES)
    if looks_local and not user_path(word).exists():
        raise UserError(f"no such file or folder: {word}")
