"""Groups of options that the commands share, and the run folder."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

from jsonargparse import ArgumentParser

import hf_distill
from hf_distill.cli.names import BASES, options_of, parts_of
from hf_distill.hub.about import About
from hf_distill.lazy import import_parts


def add_data(parser: ArgumentParser, light: bool = False) -> None:
    """Add ``--data.*``."""
    add_part(parser, light, "data", BASES["data"], "the real dataset", default={"class_path": "RealData"})


def add_method(parser: ArgumentParser, light: bool = False, *, required: bool = True) -> None:
    """Add ``--method.*``."""
    add_part(parser, light, "method", BASES["method"], "how to distill", required=required)


def add_evaluator(parser: ArgumentParser, light: bool = False) -> None:
    """Add ``--evaluator.*``."""
    default = {"class_path": "ClassificationEvaluator"}
    add_part(parser, light, "evaluator", BASES["evaluator"], "how the result is measured", default=default)


def add_part(parser: ArgumentParser, light: bool, name: str, base: str, said: str, **options: Any) -> None:
    """Add ``--NAME`` for any part of a kind, with the options of whichever is chosen."""
    if light:
        known = ", ".join(parts_of(base))
        said += f": {known}; --{name}.help CLASS tells the options of one"
        parser.add_argument(f"--{name}", metavar="CLASS", help=said)
    else:
        import_parts()  # jsonargparse knows a class by its short name once it is imported
        parser.add_subclass_arguments(getattr(hf_distill, base), name, help=said, **options)


def add_options(parser: ArgumentParser, light: bool, name: str, part: str, skip: Collection[str] = ()) -> None:
    """Add the options of one part of the library, ``--NAME.*``, but for some."""
    if light:
        options = [f".{option}" for option in options_of(part) or () if option not in skip]
        for option in ("", *options):
            parser.add_argument(f"--{name}{option}", help=f"of {part}, which `hf-distill parts {part}` explains")
    else:
        parser.add_class_arguments(getattr(hf_distill, part), name, skip={*skip})


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
