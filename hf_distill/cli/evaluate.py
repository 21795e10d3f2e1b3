"""``hf-distill evaluate``: what a distilled dataset is worth, beside its baselines."""

from __future__ import annotations

from jsonargparse import ArgumentParser

from hf_distill.cli.parsing import add_data, add_evaluator, add_trust


def build_parser(light: bool = False) -> ArgumentParser:
    """Return the command's parser; see :func:`hf_distill.cli.distill.build_parser`."""
    parser = ArgumentParser(
        exit_on_error=False,
        prog="hf-distill evaluate",
        description="Train fresh networks on a distilled dataset, as it is published, and on random real samples of "
        "the same size in bits; write evaluation.json and the card. Data and protocol are those of the set's record; "
        "every option overrides one of them.",
    )
    parser.add_argument("folder", type=str, help="the distilled dataset: its folder, or namespace/name on the Hub")
    parser.add_argument("--config", action="config", help="a YAML file with data and evaluator")
    add_data(parser, light)
    add_evaluator(parser, light)
    add_trust(parser)
    parser.add_argument("--quick", type=bool, default=False, help="a sketch by few networks, trained briefly")
    parser.add_argument("--overwrite", type=bool, default=False, help="forget what was measured by other protocols")
    parser.add_argument("--progress", type=bool, default=True, help="show progress bars")
    return parser


def run(argv: list[str]) -> None:
    """Measure, write evaluation.json and the card, and print the table."""
    from hf_distill.cli.evaluating import run as work  # imports what takes seconds

    work(argv)
