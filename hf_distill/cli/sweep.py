"""``hf-distill sweep``: what a fixed number of bits is worth at different precisions."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from jsonargparse import ArgumentParser

from hf_distill.cli.parsing import add_data, add_evaluator, add_method, add_options, add_trust
from hf_distill.options import Few, NotEmpty, OneOf, Precision, Seed
from hf_distill.sweep.baselines import BASELINES


def build_parser(light: bool = False) -> ArgumentParser:
    """Return the command's parser; see :func:`hf_distill.cli.distill.build_parser`."""
    parser = ArgumentParser(
        exit_on_error=False,
        prog="hf-distill sweep",
        description="Distill under one budget at several precisions, measure each beside baselines that take as many "
        "bits, print the table and write sweep.json, sweep.png and a card. A row that is finished is not made again.",
    )
    parser.add_argument("--config", action="config", help="a YAML file with a QuantizedSet, configs/quadd_*.yaml")
    parser.add_argument("--output_dir", type=Path | None, default=None, help="default: outputs/<config name>_sweep")
    parser.add_argument("--seed", type=Seed, default=0, help="the seed of all randomness")
    add_data(parser, light)
    add_method(parser, light)
    add_evaluator(parser, light)
    add_trust(parser)
    add_options(parser, light, "budget", "Budget")
    precisions = Annotated[list[Precision], NotEmpty()]
    parser.add_argument("--bits", type=precisions, default=[8, 4, 3, 2, 1], help="precisions, in bits a value")
    names = list[Annotated[str, OneOf(BASELINES)]]
    parser.add_argument("--baselines", type=names, default=list(BASELINES), help="some of " + ", ".join(BASELINES))
    parser.add_argument("--sets", type=Few, default=1, help="distillations of a row, one network each if several")
    return parser


def run(argv: list[str]) -> None:
    """Sweep, and print a line a row."""
    from hf_distill.cli.sweeping import run as work  # imports what takes seconds

    work(argv)
