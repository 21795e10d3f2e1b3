"""``hf-distill distill``: from a dataset to a distilled one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from jsonargparse import ArgumentParser

from hf_distill.cli.parsing import add_card, add_data, add_evaluator, add_method, add_trust
from hf_distill.options import OneOf, Seed

#: Those that Accelerate knows.
TRACKERS = ("aim", "clearml", "comet_ml", "dvclive", "mlflow", "swanlab", "tensorboard", "trackio", "wandb")
_Trackers = list[Annotated[str, OneOf(TRACKERS)]]


def build_parser(light: bool = False) -> ArgumentParser:
    """Return the command's parser.

    Args:
        light: One that knows what options there are and nothing of parts, which take seconds to import.
    """
    parser = ArgumentParser(
        exit_on_error=False,
        prog="hf-distill distill",
        description="Distill a dataset. `hf-distill distill DATA` chooses method, size, network and recipe, says why, "
        "and prints the command that does the same with every choice in it. Every option can stand in a YAML file and "
        "be overridden on the command line, nested parts with dots: --method.synthetic.per_class=1. On any number of "
        "processes it runs by `accelerate launch -m hf_distill distill ...`.",
    )
    parser.add_argument("source", type=str | None, nargs="?", default=None, help="the data: short for --data.path")
    parser.add_argument(
        "--config", action="config", help="a YAML file, or the name of one that `hf-distill configs` lists"
    )
    parser.add_argument(
        "--size", type=str | None, default=None, help="where nothing else is said: 50kB, or 1%% of rows"
    )
    parser.add_argument("--per_class", type=int | None, default=None, help="the same: samples of each class")
    parser.add_argument(
        "--dry_run",
        type=bool,
        default=False,
        help="open the data, say what is to be done and what it will take, and stop",
    )
    parser.add_argument("--output_dir", type=Path | None, default=None, help="default: outputs/<config name>")
    parser.add_argument("--seed", type=Seed, default=0, help="the seed of all randomness")
    add_data(parser, light)
    add_method(parser, light)
    add_evaluator(parser, light)
    add_trust(parser)
    add_card(parser)
    parser.add_argument(
        "--evaluate",
        type=bool | Literal["quick"],
        default=False,
        help="measure the result beside its baselines; quick: a sketch by few networks, trained briefly",
    )
    parser.add_argument("--repo_id", type=str | None, default=None, help="publish the result as this Hub dataset")
    parser.add_argument("--private", type=bool, default=False, help="make the Hub dataset private")
    parser.add_argument("--resume", type=bool, default=False, help="go on from the last checkpoint, if there is one")
    parser.add_argument("--overwrite", type=bool, default=False, help="start over, or replace a finished set")
    parser.add_argument("--trackers", type=_Trackers, default=[], help="Accelerate trackers, such as [tensorboard]")
    parser.add_argument("--progress", type=bool, default=True, help="show progress bars")
    return parser


def run(argv: list[str]) -> None:
    """Distill, and measure and publish where asked to."""
    from hf_distill.cli.distilling import run as work  # imports what takes seconds

    work(argv)
