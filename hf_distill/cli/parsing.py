"""Groups of options that the commands share, and the run folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jsonargparse import ArgumentParser

import hf_distill
from hf_distill.cli.names import BASES, options_of, parts_of
from hf_distill.hub.about import About
from hf_distill.lazy import import_parts


def add_data(parser: ArgumentParser, light: bool = False) -> None:
    """Add ``--data.*``."""
    _add_part(parser, light, "data", "the real dataset", default={"class_path": "RealData"})


def add_method(parser: ArgumentParser, light: bool = False, *, required: bool = True) -> None:
    """Add ``--method.*``."""
    _add_part(parser, light, "method", "how to distill", required=required)


def add_evaluator(parser: ArgumentParser, light: bool = False) -> None:
    """Add ``--evaluator.*``."""
    default = {"class_path": "ClassificationEvaluator"}
    _add_part(parser, light, "evaluator", "how the result is measured", default=default)


def _add_part(parser: ArgumentParser, light: bool, name: str, said: str, **options: Any) -> None:
    if light:
        known = ", ".join(parts_of(BASES[name]))
        said += f": {known}; --{name}.help CLASS tells the options of one"
        parser.add_argument(f"--{name}", metavar="CLASS", help=said)
    else:
        import_parts()  # jsonargparse knows a class by its short name once it is imported
        # Data that are open already are for Python alone.
        parser.add_subclass_arguments(getattr(hf_distill, BASES[name]), name, help=said, skip={"data"}, **options)


def add_options(parser: ArgumentParser, light: bool, name: str, part: str) -> None:
    """Add the options of one part of the library, ``--NAME.*``."""
    if light:
        for option in ("", *(f".{option}" for option in options_of(part) or ())):
            parser.add_argument(f"--{name}{option}", help=f"of {part}, which `hf-distill parts {part}` explains")
    else:
        parser.add_class_arguments(getattr(hf_distill, part), name)


def add_trust(parser: ArgumentParser) -> None:
    """Add ``--trust_record``."""
    parser.add_argument(
        "--trust_record",
        type=bool,
        default=False,
        help="let a set's record, or a configuration that came with a set, name code, models and files that are not "
        "hf_distill's: whoever made the set then runs code on this machine",
    )


def add_card(parser: ArgumentParser) -> None:
    """Add ``--card.*``."""
    parser.add_class_arguments(About, "card")


def run_folder(output_dir: Path) -> Path:
    """Return the folder beside an artifact that holds its run: configuration, checkpoints, log and previews."""
    return output_dir.with_name(f"{output_dir.name}.run")
