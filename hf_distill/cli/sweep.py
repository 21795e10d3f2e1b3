"""``hf-distill sweep``: what a fixed number of bits is worth at different precisions."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from accelerate import Accelerator
from jsonargparse import ArgumentParser

from hf_distill.cli.messages import build, parse
from hf_distill.cli.parsing import add_data, add_evaluator, add_method, add_trust
from hf_distill.cli.placing import place, said_command
from hf_distill.cli.records import check_configurations
from hf_distill.files import user_path
from hf_distill.hub.record import CARD
from hf_distill.options import Few, NotEmpty, OneOf, Seed
from hf_distill.quantization.base import Precision
from hf_distill.quantization.budget import Budget
from hf_distill.sweep.bits import BASELINES, BitSweep
from hf_distill.sweep.card import said_result
from hf_distill.table import columns

_HEAD = ("row", "bits", "samples", "in all", "result")
_WIDTHS, _RIGHT = (20, 4, 7, 10, 0), (False, True, True, True, False)


def build_parser() -> ArgumentParser:
    """Return the command's parser."""
    parser = ArgumentParser(
        exit_on_error=False,
        prog="hf-distill sweep",
        description="Distill under one budget at several precisions, measure each beside baselines that take as many "
        "bits, print the table and write sweep.json, sweep.png and a card. A row that is finished is not made again.",
    )
    parser.add_argument("--config", action="config", help="a YAML file with a QuantizedSet, configs/quadd_*.yaml")
    parser.add_argument("--output_dir", type=Path | None, default=None, help="default: outputs/<config name>_sweep")
    parser.add_argument("--seed", type=Seed, default=0, help="the seed of all randomness")
    add_data(parser)
    add_method(parser)
    add_evaluator(parser)
    add_trust(parser)
    parser.add_class_arguments(Budget, "budget", help="bits or bytes that every row may take")
    precisions = Annotated[list[Precision], NotEmpty()]
    parser.add_argument("--bits", type=precisions, default=[8, 4, 3, 2, 1], help="precisions, in bits a value")
    names = list[Annotated[str, OneOf(BASELINES)]]
    parser.add_argument("--baselines", type=names, default=list(BASELINES), help="some of " + ", ".join(BASELINES))
    parser.add_argument("--sets", type=Few, default=1, help="distillations of a row, one network each if several")
    return parser


def run(argv: list[str]) -> None:
    """Sweep, and print a line a row."""
    check_configurations(argv)
    parser = build_parser()
    config = parse(parser, argv, budget=Budget)
    name = Path(str(config.config[-1])).stem if config.config else "sweep"
    output = user_path(config.output_dir or Path("outputs") / f"{name}_sweep")
    objects = build(parser, config)
    sweep = BitSweep(
        objects.method,
        objects.data,
        objects.evaluator,
        objects.budget,
        config.bits,
        config.baselines,
        seed=config.seed,
        sets=config.sets,
    )
    place(objects.data, Accelerator().device)
    print(columns(_HEAD, _WIDTHS, _RIGHT))
    sweep.run(output, lambda row: print(_line(row), flush=True), command=said_command("sweep", argv))
    print(f"{output}: {', '.join(sorted(path.name for path in (*output.glob('sweep.*'), *output.glob(CARD))))}")


def _line(row: dict[str, Any]) -> str:
    cells = [row["kind"], row["bits_per_value"] or "", row["samples"], row["bits"], said_result(row)]
    return columns([str(value) for value in cells], _WIDTHS, _RIGHT)
