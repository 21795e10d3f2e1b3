"""``hf-distill distill DATA``: the command line of what was chosen for data of which nothing else is said."""

from __future__ import annotations

import logging
import shlex

import datasets
from jsonargparse import ArgumentParser

from hf_distill.choosing.choice import Choice
from hf_distill.choosing.choose import choose
from hf_distill.choosing.size import size_of
from hf_distill.cli.messages import build, parse
from hf_distill.cli.parsing import add_data
from hf_distill.cli.yaml_files import joined
from hf_distill.configurations import configurations
from hf_distill.data.base import Data
from hf_distill.data.guessing import as_series, is_series, lacks_test
from hf_distill.errors import UserError
from hf_distill.networks.cost import find_device

_OWN = ("--size", "--per_class")
#: The share of the rows that is measured on where the source has no test split.
HELD_OUT = 0.2


def completed(argv: list[str]) -> tuple[list[str], Data | None]:
    """Return the whole command line, with a configuration where none and no method was named; and the opened data.

    Args:
        argv: The words after ``distill``; the first may be the data.

    Raises:
        UserError: A size is none, or the data cannot be read.
    """
    words = joined(argv)
    if words and not words[0].startswith("-"):
        words[0] = f"--data.path={words[0]}"
    own = {name: value for name, _, value in (word.partition("=") for word in words) if name in _OWN}
    words = [word for word in words if word.partition("=")[0] not in _OWN]
    given = {word.partition("=")[0] for word in words}
    if "--config" in given or any(name.startswith("--method") for name in given):
        if own:
            named = "--config" if "--config" in given else min(name for name in given if name.startswith("--method"))
            raise UserError(
                f"{next(iter(own))} is for data alone, and {named} says how: give the method's own size, "
                "--method.synthetic.per_class or --method.per_class, or change options in the command that "
                "--dry_run=true prints"
            )
        return words, None
    if any("help" in name or name in ("-h", "--print_config") for name in given):
        return words, None
    if not any(name.startswith("--data") for name in given):
        raise UserError(
            "name the data, `hf-distill distill DATA`, or --config one of those that `hf-distill configs` lists"
        )
    if "--progress=false" in words:
        datasets.disable_progress_bars()
    data, further = opened([word for word in words if word.startswith("--data")])
    choice = choose(data, size_of(*([own[name]] if name in own else [] for name in _OWN)), find_device("auto"))
    if further:
        choice.reasons.append(
            f"measured on: {HELD_OUT:.0%} of the rows, which are held out, since there is no test split"
        )
    _say(choice, data)
    options = [f"--config={configurations()[choice.config]}", *choice.options, *further]
    if "--output_dir" not in given:
        options.append(f"--output_dir=outputs/{choice.name}")
    shown = [f"--config={choice.config}", *options[1:], *words]
    print(f"the same again: {shlex.join(['hf-distill', 'distill', *shown])}", flush=True)
    return [*options, *words], data


def opened(words: list[str]) -> tuple[Data, list[str]]:
    """Return the data, set up, and what was added to their options: rows to measure on where the source has none."""
    data = _built(words)
    if not any(word.startswith(("--data=", "--data.class_path=")) for word in words) and is_series(data):
        return as_series(data), []
    if not lacks_test(data.setup()):
        return data, []
    held = f"--data.test_fraction={HELD_OUT}"
    logger = logging.getLogger("hf_distill.data")
    level = logger.level
    logger.setLevel(logging.ERROR)  # what is to be said of these rows has been said
    try:
        return _built([*words, held]).setup(), [held]
    finally:
        logger.setLevel(level)


def _built(words: list[str]) -> Data:
    parser = ArgumentParser(exit_on_error=False)
    add_data(parser)
    built: Data = build(parser, parse(parser, words)).data
    return built


def _say(choice: Choice, data: Data) -> None:
    """Print what was chosen and why, and what it will take."""
    for reason in choice.reasons:
        print(reason)
    rows = data.spec.num_rows
    fewer = f", {rows / choice.size:.0f} times fewer than the {rows:,} there are" if rows else ""
    minutes = max(1, round(choice.seconds / 60))
    size = f"{choice.bits / 8e6:,.1f} MB" if choice.bits >= 8e6 else f"{choice.bits / 8e3:,.1f} kB"
    print(f"result: about {size} before compression{fewer}; about {minutes} min to make")
