"""The work of ``hf-distill sweep``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from accelerate import Accelerator

from hf_distill.cli.messages import build, parse
from hf_distill.cli.placing import place, said_command
from hf_distill.cli.records import check_configurations
from hf_distill.cli.sweep import build_parser
from hf_distill.files import user_path
from hf_distill.hub.record import CARD
from hf_distill.quantization.budget import Budget
from hf_distill.sweep.bits import BitSweep
from hf_distill.sweep.card import said_result
from hf_distill.table import columns

_HEAD = ("row", "bits", "samples", "in all", "result")
_WIDTHS, _RIGHT = (20, 4, 7, 10, 0), (False, True, True, True, False)


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
