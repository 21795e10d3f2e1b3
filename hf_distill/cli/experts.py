"""``hf-distill experts``: trains and stores the expert trajectories that trajectory matching needs."""

from __future__ import annotations

from pathlib import Path

from jsonargparse import ArgumentParser

from hf_distill.cli.parsing import add_data, add_evaluator, add_method, add_part, add_trust
from hf_distill.options import Seed


def build_parser(light: bool = False) -> ArgumentParser:
    """Return the command's parser; see :func:`hf_distill.cli.distill.build_parser`."""
    parser = ArgumentParser(
        exit_on_error=False,
        prog="hf-distill experts",
        description="Train networks on all of the data and store them as they are after every epoch: the experts of "
        "trajectory matching (MTT, TESLA, DATM). Either a configuration says what they are, "
        "`hf-distill experts --config mtt_digits_ipc1`, where --method.objective.pool.experts.count=50 changes it; or "
        "the options do: `hf-distill experts --data.path digits --experts.network ConvNet --experts.network.width=32 "
        "--experts.network.depth=2 --experts.count=10`. `hf-distill distill --config mtt_digits_ipc1` then learns a "
        "set from them. A finished expert is a file and is never lost: --resume=true trains what is missing. On "
        "several processes: `accelerate launch -m hf_distill experts ...`, each takes its share.",
    )
    parser.add_argument(
        "--config", action="config", help="a YAML file, or the name of one that `hf-distill configs` lists"
    )
    parser.add_argument("--output_dir", type=Path | None, default=None, help="default: outputs/experts_<data>")
    parser.add_argument("--seed", type=Seed, default=0, help="the seed of all randomness")
    add_data(parser, light)
    # Null, since the configuration of a method describes its experts itself.
    add_part(parser, light, "experts", "ExpertTraining", "what is trained, and how", required=False)
    add_method(parser, light, required=False)
    add_evaluator(parser, light)
    add_trust(parser)
    parser.add_argument("--resume", type=bool, default=False, help="keep the experts that are there, train the others")
    parser.add_argument("--overwrite", type=bool, default=False, help="train all anew")
    parser.add_argument("--progress", type=bool, default=True, help="show a progress bar")
    return parser


def run(argv: list[str]) -> None:
    """Train and store."""
    from hf_distill.cli.storing import run as work  # imports what takes seconds

    work(argv)
