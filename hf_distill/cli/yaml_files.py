"""YAML of any origin: UTF-8, of a sane size, and without aliases that unfold to more than they are."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml
from jsonargparse import set_loader
from jsonargparse._loaders_dumpers import get_loader

from hf_distill.errors import UserError

_MOST_BYTES = 2_000_000
_MOST_VALUES = 100_000
_DEEPEST = 100


def load_yaml(text: str, load: Callable[[str], Any] = yaml.safe_load) -> Any:
    """Load YAML of a sane size.

    Raises:
        yaml.YAMLError: It is none, or it is nested too deeply, refers to itself or unfolds to too many values.
    """
    if len(text) > _MOST_BYTES:
        raise yaml.YAMLError(f"it has {len(text):,} characters, more than the {_MOST_BYTES:,} of any configuration")
    try:
        # Only long texts and those with anchors can be large; all others are spared a second reading.
        if "&" in text or len(text) > 10_000 or text.count("[") + text.count("{") > _DEEPEST:
            node = yaml.compose(text, Loader=yaml.SafeLoader)
            if node is not None and _unfolded(node, {}, 0) > _MOST_VALUES:
                raise yaml.YAMLError(f"its aliases unfold to more than {_MOST_VALUES:,} values")
        return load(text)
    except RecursionError as error:
        raise yaml.YAMLError("it is nested too deeply") from error
    except ValueError as error:  # a date that there is not, a number of too many digits
        raise yaml.YAMLError(str(error)) from error


def _unfolded(node: yaml.Node, known: dict[int, int], depth: int) -> int:
    """Return how many values a node holds once its aliases are unfolded."""
    if known.get(id(node)) == 0:
        raise yaml.YAMLError("an alias refers to what it stands in")
    if depth > _DEEPEST:
        raise yaml.YAMLError(f"it is nested more than {_DEEPEST} deep")
    if id(node) not in known:
        known[id(node)] = 0  # being counted
        children: list[yaml.Node] = []
        if isinstance(node, yaml.MappingNode):
            children = [child for pair in node.value for child in pair]
        elif isinstance(node, yaml.SequenceNode):
            children = node.value
        known[id(node)] = 1 + sum(_unfolded(child, known, depth + 1) for child in children)
    return known[id(node)]


def guard_parser() -> None:
    """Make the parser of all commands read YAML by :func:`load_yaml`."""
    plain = get_loader("yaml")
    if plain.__module__ != __name__:

        def load(text: str) -> Any:
            # The parser hands the null of a command line down to inner parts as Python writes it.
            return None if text == "None" else load_yaml(text, plain)

        set_loader("yaml", load, exceptions=(yaml.YAMLError,))


def words_of(argv: list[str], option: str) -> list[str]:
    """Return what a command line gives an option, before it is parsed: ``--option=word`` and ``--option word``."""
    after = [second for first, second in itertools.pairwise(argv) if first == option]
    return [word.partition("=")[2] for word in argv if word.startswith(f"{option}=")] + after


def joined(argv: list[str]) -> list[str]:
    """Return a command line with every option and its value in one word, ``--option=value``."""
    words: list[str] = []
    for word in argv:
        if words and words[-1].startswith("--") and "=" not in words[-1] and not word.startswith("--"):
            words[-1] += f"={word}"
        else:
            words.append(word)
    return words


def check_config_files(argv: list[str]) -> None:
    """Refuse what ``--config`` names and is no text.

    Raises:
        UserError: A file is not UTF-8 or not YAML; the message names it.
    """
    for word in words_of(argv, "--config"):
        path = Path(word).expanduser()
        try:
            if path.is_file():
                load_yaml(path.read_text(encoding="utf-8"))
        except UnicodeDecodeError as error:
            raise UserError(f"config: {word} is not UTF-8 text: save it as UTF-8") from error
        except yaml.YAMLError as error:
            raise UserError(f"config: {word} cannot be read: {' '.join(str(error).split())}") from error
        except (OSError, ValueError) as error:
            raise UserError(f"config: {word!r} cannot be read: {getattr(error, 'strerror', None) or error}") from error
