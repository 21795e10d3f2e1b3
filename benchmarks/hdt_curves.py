"""Error of a distilled series against its length, a parameter of the objective, or the bins that are stored.

Every value of `--option` is distilled by every one of `--configs` and measured as the first of them says; random pieces
and the full series are measured with the first alone. `--keep` stores fewer and fewer bins of one spectrum, that of the
published set `--artifact`. `--short` are lengths that hold no window: the first configuration's set is published with
its beginning after its end. Options that are not this script's are those of `hf-distill distill`.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
import yaml
from record import render, save
from series_row import build, measure, picture

from hf_distill import DistilledDataset, HarmonicSet
from hf_distill.allocator import keep_freed_memory
from hf_distill.methods import Run
from hf_distill.synthetic.base import Synthetic


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--name", required=True, help="name of the result")
    parser.add_argument("--option", help="what varies, such as method.synthetic.length")
    parser.add_argument("--values", nargs="+", default=[])
    parser.add_argument("--short", nargs="+", type=int, default=[], help="lengths below that of a window")
    parser.add_argument("--configs", nargs="+", type=Path, required=True)
    parser.add_argument("--keep", nargs="+", type=int, default=[], help="bins of each channel that are stored, instead")
    parser.add_argument("--artifact", help="a folder or Hub id: the set of which `--keep` stores a part")
    parser.add_argument("--note", help="a sentence for the table")
    args, rest = parser.parse_known_args()
    keep_freed_memory()
    rows, at = [], []
    label = args.option.rsplit(".", 1)[-1] if args.option else "stored bits"
    if args.keep and not args.artifact:
        parser.error("--keep needs --artifact")
    sets = kept(args, rest) if args.keep else varied(args, rest)
    for row, synthetic, objects in sets:
        row |= {"bits": synthetic.bits().total, **measure(synthetic, objects)}
        rows.append(row)
        at.append(math.log2(row["bits"] if args.keep else row[label]))
        print(row, flush=True)
        note = {"note": args.note} if args.note else {}
        title = f"MSE against {label}, {objects.data.path.rsplit('/', 1)[-1]}"
        save(args.name, rows, title=title, seeds=objects.evaluator.seeds, **note)
    picture(args.name, rows, at, f"log2 of the {label}")
    render()


def varied(args: argparse.Namespace, rest: Sequence[str]) -> Iterator[tuple[dict[str, Any], Synthetic, Any]]:
    """Distil once for every value and configuration."""
    label = args.option.rsplit(".", 1)[-1]
    for length in args.short:
        options = [f"--config={args.configs[0]}", *rest, f"--method.synthetic.length={length}"]
        data = build(options).data
        objects = build([*options, f"--method.synthetic.wrap={data.lookback + data.horizon - 1}"])
        objects.evaluator = objects.evaluator.alone()  # no real piece of this length has a window either
        yield distilled({label: length}, args.configs[0], args, objects)
    for value in args.values:
        for place, config in enumerate(args.configs):
            objects = build([f"--config={config}", *rest, f"--{args.option}={value}"])
            if place:
                objects.evaluator = objects.evaluator.alone()
            yield distilled({label: yaml.safe_load(value)}, config, args, objects)


def distilled(
    row: dict[str, Any], config: Path, args: argparse.Namespace, objects: Any
) -> tuple[dict[str, Any], Synthetic, Any]:
    """Return the row's beginning, the set and what measures it."""
    start = time.perf_counter()
    synthetic = objects.method.fit(objects.data, Run(progress=False, seed=objects.seed))
    if len(args.configs) > 1:
        row["set"] = config.stem
    return row | {"seconds": round(time.perf_counter() - start, 1)}, synthetic, objects


def kept(args: argparse.Namespace, rest: Sequence[str]) -> Iterator[tuple[dict[str, Any], Synthetic, Any]]:
    """Store all bins of a published set, and then fewer."""
    objects = build([f"--config={args.configs[0]}", *rest])
    published = DistilledDataset.from_pretrained(args.artifact)
    whole = HarmonicSet(length=len(published.x))
    whole.initialize(published.x, torch.arange(len(published.x)), published.spec)
    yield {"bins": "all"}, whole, objects
    for count in args.keep:
        yield {"bins": count}, whole.sparse(count), objects


if __name__ == "__main__":
    main()
