"""What labels of a teacher are worth for their bits: RDED's images and random ones with labels of many kinds.

`python benchmarks/decoupled_labels.py cifar10 10`: the images are those of decoupled.py, and so are network and steps,
and what is there is not made again. Bits are those of images and labels together. `random, same labels` are as many
random images, labelled alike; `random, equal bits` are more of them for the same bits, with hard labels.
"""

from __future__ import annotations

import argparse

from decoupled import BATCH, FIRST, RATE, STEPS, Bench, pair
from record import save

from hf_distill.labels import DenseLabels, TopLabels, ViewLabels
from hf_distill.methods import Undistilled
from hf_distill.quantization import UniformQuantizer
from hf_distill.synthetic import PixelSet, QuantizedSet


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data")
    parser.add_argument("per_class", type=int)
    parser.add_argument("--seeds", type=int, default=2)
    args = parser.parse_args()
    bench = Bench(args.data, args.per_class, seeds=args.seeds)
    cut = bench.method(FIRST)
    images = PixelSet(per_class=args.per_class)
    quantizers = {"quantizer": UniformQuantizer(bits=8), "labels": UniformQuantizer(bits=4)}
    small = Undistilled(synthetic=QuantizedSet(synthetic=images, **quantizers), initial=cut.initial)
    top = ViewLabels(labels=TopLabels(top=3, learned=False), views=30, draw=bench.draw)
    kinds = {
        "none": (cut, bench.views()),
        "one a sample, float32": (cut, DenseLabels(learned=False)),
        "30 views, float32": (cut, bench.views()),
        "30 views, top 3 of 4 bits": (small, top),
        "10 views, float32": (cut, bench.views(10)),
        "100 views, float32": (cut, bench.views(100)),
        "given in training": (cut, bench.views()),
    }
    rows = []
    for name, (method, labels) in kinds.items():
        stored = name in ("none", "30 views, float32", "given in training")
        place = FIRST if stored else f"{FIRST}, {name}"
        made = bench.made(place, labels, method)
        kind = {"none": "hard", "given in training": "taught"}.get(name, "soft")
        row = bench.measured(place, kind, made, baselines=["random"], teacher=bench.teacher)
        others = row["baselines"]
        own = {"labels": name, "bits": row["bits"], FIRST: pair(row)}
        own["random, same labels"] = pair(others["random" if kind == "hard" else "same_labels"])
        own |= {"random, equal bits": pair(others["random"]), "their number": others["random"]["samples"]}
        rows.append(own)
        save(
            f"decoupled_labels_{args.data}_{args.per_class}",
            sorted(rows, key=lambda row: row["bits"]),
            title=f"{args.data}, {args.per_class} a class: accuracy for the bits of images and labels",
            note=f"{bench.network().label}, {STEPS} steps of {BATCH} by AdamW at {RATE}, set beforehand; mean ± "
            f"standard deviation of {bench.seeds} networks, on one set or on a draw each",
        )


if __name__ == "__main__":
    main()
