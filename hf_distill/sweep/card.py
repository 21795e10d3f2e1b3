"""The card of a sweep."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hf_distill.data.base import Data
from hf_distill.hub.card import source_name
from hf_distill.hub.product import PLACE, write_product_card
from hf_distill.hub.results import format_score
from hf_distill.markdown import Markdown, code
from hf_distill.quantization.budget import Budget
from hf_distill.sweep.picture import sweet_spot
from hf_distill.table import Table

PICTURE = "sweep.png"


def rows_table(rows: Sequence[dict[str, Any]]) -> Table:
    """Return a line a row: what took how many bits, and its result."""
    head = ["row", "bits a value", "samples", "bits in all", "result"]
    lines = [
        [row["kind"], str(row["bits_per_value"] or ""), f"{row['samples']:,}", f"{row['bits']:,}", said_result(row)]
        for row in rows
    ]
    return Table(head, lines, right=head[1:4])


def said_result(row: dict[str, Any]) -> str:
    """Return a row's result in words."""
    return "does not fit" if row["mean"] is None else format_score(row["mean"], row["std"], row["metric"])


def write_sweep_card(
    folder: Path, rows: Sequence[dict[str, Any]], data: Data, budget: Budget, config: dict[str, Any], command: str
) -> None:
    """Write the card of a sweep into its folder, where ``sweep.json`` is."""
    called, best = source_name(data.spec.source), sweet_spot(list(rows))
    spot = "" if best is None else f" Learned in the loop, {best} bits a value are best."
    networks = list(dict.fromkeys(name for row in rows for name in row.get("networks") or ()))
    write_product_card(
        folder,
        "sweep",
        title=f"{called}, bits against samples",
        said=Markdown(
            f"What {budget.bits(data.spec.num_groups):,} bits are worth as training data in place of the "
            f"{data.spec.num_rows:,} training rows of {code(called)}: few samples of many bits, or many of few. "
            f"Each row is a set of its own within that budget, on which fresh networks ({', '.join(networks)}) are "
            f"trained and then tested on real data; mean ± standard deviation.{spot} `hf-distill` made it."
        ),
        source=data.spec.source,
        script=[
            "from datasets import load_dataset",
            "",
            f'rows = load_dataset("{PLACE}", split="train")',
            'print(rows.to_pandas()[["kind", "bits_per_value", "samples", "bits", "mean", "std"]])',
        ],
        config=config,
        numbers=rows_table(rows),
        command=command,
        picture=PICTURE if (folder / PICTURE).is_file() else "",
    )
