"""``hf-distill train-generator``: a small class-conditional diffusion model of a dataset."""

from __future__ import annotations

from pathlib import Path

from jsonargparse import ArgumentParser

from hf_distill.cli.parsing import add_data, add_options, add_trust
from hf_distill.options import PositiveInt, Seed


def build_parser(light: bool = False) -> ArgumentParser:
    """Return the command's parser; see :func:`hf_distill.cli.distill.build_parser`."""
    parser = ArgumentParser(
        exit_on_error=False,
        prog="hf-distill train-generator",
        description="Train a class-conditional diffusion model on images and save it as a diffusers pipeline, for "
        "GuidedDiffusion. The defaults suit 8x8 digits on a CPU; larger images need more generator.channels.",
    )
    parser.add_argument("--config", action="config", help="a YAML file")
    parser.add_argument("--output_dir", type=Path | None, default=None, help="default: outputs/generator_<data>")
    parser.add_argument("--seed", type=Seed, default=0, help="the seed of all randomness")
    add_data(parser, light)
    add_trust(parser)
    add_options(parser, light, "generator", "GeneratorTraining")
    parser.add_argument("--resume", type=bool, default=False, help="go on from the last checkpoint, if there is one")
    parser.add_argument("--overwrite", type=bool, default=False, help="start over, or replace a trained generator")
    parser.add_argument("--threads", type=PositiveInt, default=1, help="of the CPU; small networks run best on one")
    parser.add_argument("--progress", type=bool, default=True, help="show a progress bar")
    return parser


def run(argv: list[str]) -> None:
    """Train and save."""
    from hf_distill.cli.generating import run as work  # imports what takes seconds

    work(argv)
