"""How far networks come on all real rows in a limited number of steps, on held-out training rows.

`python benchmarks/full_steps.py fashion_mnist cifar10 --steps 500 1000 2000 5000`: what `full_steps` of the evaluator
is worth. Networks are ConvNets as the configurations have them, the recipe is the field's.
"""

from __future__ import annotations

import argparse
import statistics
import time

import torch
from record import commit, save

from hf_distill import MLP, ConvNet, RealData, Recipe
from hf_distill.augment import SiameseAugment
from hf_distill.data.splits import SomeRows
from hf_distill.metrics.functions import accuracy
from hf_distill.networks.cost import find_device
from hf_distill.seeding import Streams
from hf_distill.training.optimizers import SGD
from hf_distill.training.prediction import predict
from hf_distill.training.source import SplitSource
from hf_distill.training.trainer import train_networks

HELD = 5000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("paths", nargs="+", help="datasets")
    parser.add_argument("--steps", nargs="+", type=int, default=[500, 1000, 2000, 5000])
    parser.add_argument("--lr", nargs="+", type=float, default=[0.01])
    parser.add_argument("--width", type=int, default=32)
    parser.add_argument("--networks", type=int, default=2)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--name", default="full_steps")
    parser.add_argument("--commit", default=None)
    args = parser.parse_args()
    device, made_with, rows = find_device(args.device), args.commit or commit(), []
    for path in args.paths:
        real = RealData(path=path).setup(device)
        spec = real.spec
        order = torch.randperm(len(real.train), generator=Streams(0).generator("held out"))
        count = min(HELD, len(order) // 5)
        held, rest = (SomeRows(real.train, part) for part in (order[:count], order[count:]))
        network = (
            ConvNet(width=args.width, depth=3 if min(spec.shape[1:]) > 8 else 2) if spec.kind == "image" else MLP()
        )
        augment = SiameseAugment(strategy="color_crop_cutout_scale_rotate") if spec.kind == "image" else None
        for lr in args.lr:
            for steps in args.steps:
                recipe = Recipe(steps=steps, optimizer=SGD(lr=lr), augment=augment).for_samples(len(rest))
                streams = [Streams(0, step=k) for k in range(args.networks)]
                built = [network.build(spec.shape, spec.num_classes, own.seed_for("network")) for own in streams]
                began = time.perf_counter()
                sources = [SplitSource(rest, spec)] * len(built)
                train_networks(built, sources, streams, recipe=recipe, device=device)
                seconds = (time.perf_counter() - began) / len(built)
                scores = [100 * accuracy(own, held.labels) for own in predict(built, held, spec, device)]
                taken = recipe.total_epochs * recipe.steps_per_epoch(len(rest))
                rows.append({"data": path.rsplit("/", 1)[-1], "steps": taken, "lr": lr})
                rows[-1]["accuracy on held-out rows"] = (
                    [statistics.fmean(scores), statistics.stdev(scores)] if len(scores) > 1 else scores[0]
                )
                rows[-1]["s a network"] = round(seconds, 1)
                print(rows[-1], flush=True)
                save(args.name, rows, title="Networks on all real rows, by their steps", commit=made_with)


if __name__ == "__main__":
    main()
