"""``hf-distill train-teacher``: networks that label, and that sets are distilled from."""

from __future__ import annotations

from pathlib import Path

from jsonargparse import ArgumentParser

from hf_distill.cli.parsing import add_data, add_options, add_trust
from hf_distill.options import Device, PositiveInt, Seed


def build_parser(light: bool = False) -> ArgumentParser:
    """Return the command's parser; see :func:`hf_distill.cli.distill.build_parser`."""
    parser = ArgumentParser(
        exit_on_error=False,
        prog="hf-distill train-teacher",
        description="Train one network or several on real data and save them as a folder that Teacher(path=...) loads.",
    )
    parser.add_argument("--config", action="config", help="a YAML file")
    parser.add_argument("--output_dir", type=Path | None, default=None, help="default: outputs/teacher_<data>")
    parser.add_argument("--seed", type=Seed, default=0, help="the seed of all randomness")
    add_data(parser, light)
    add_trust(parser)
    add_options(parser, light, "teacher", "Teacher", skip=("path", "mean", "std", "classes", "seed"))
    parser.add_argument("--device", type=Device, default="auto", help="auto takes a GPU where there is one")
    parser.add_argument("--checkpoint_every", type=PositiveInt, default=500, help="steps between checkpoints")
    parser.add_argument("--resume", type=bool, default=False, help="go on from the last checkpoint, if there is one")
    parser.add_argument("--overwrite", type=bool, default=False, help="start over, or replace a trained teacher")
    parser.add_argument("--progress", type=bool, default=True, help="show a progress bar")
    return parser


def run(argv: list[str]) -> None:
    """Train, measure and save."""
    from hf_distill.cli.teaching import run as work  # imports what takes seconds

    work(argv)
