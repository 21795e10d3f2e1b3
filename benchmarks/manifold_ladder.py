"""Which steps of ManifoldGD help: random real samples, the generator alone, and one step of guidance after another.

hf-distill train-generator --output_dir outputs/generator_digits
python benchmarks/manifold_ladder.py --per_class 10
"""

from __future__ import annotations

import argparse
import statistics
from typing import Any

import torch
from record import save

from hf_distill import (
    ConvNet,
    Coreset,
    Guidance,
    GuidedDiffusion,
    HierarchicalSelector,
    KMeansSelector,
    RandomSelector,
    RealData,
    Recipe,
    Run,
    SiameseAugment,
)
from hf_distill.data.batch import Batch
from hf_distill.evaluation import TensorSource, train_networks
from hf_distill.evaluation.metrics import accuracy
from hf_distill.evaluation.source import predict
from hf_distill.seeding import Streams

MODE = {"manifold": "none"}
STEPS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "plain sampling": ({"selector": RandomSelector()}, {"mode_scale": 0.0, "manifold": "none"}),
    "k-means mode guidance (MGD3)": ({"selector": KMeansSelector(restarts=10)}, MODE),
    "divisive leaves": ({"selector": HierarchicalSelector(choose="leaves")}, MODE),
    "level-wise": ({"selector": HierarchicalSelector()}, MODE),
    "+ tangent guidance": ({"selector": HierarchicalSelector()}, {"radius_schedule": "fixed"}),
    "+ annealed radius": ({"selector": HierarchicalSelector()}, {"radius_schedule": "exp"}),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--per_class", type=int, default=10)
    parser.add_argument("--generator", default="outputs/generator_digits")
    parser.add_argument("--sets", type=int, default=3, help="generated sets")
    parser.add_argument("--seeds", type=int, default=1, help="networks for each set")
    parser.add_argument("--epochs", type=int, default=300)
    parser.add_argument("--mode_scale", type=float, default=0.1)
    args = parser.parse_args()
    torch.set_num_threads(1)
    real = RealData(path="digits").setup()
    methods = {"random real": Coreset(selector=RandomSelector(), per_class=args.per_class)}
    for name, (own, guidance) in STEPS.items():
        methods[name] = GuidedDiffusion(
            pipeline=args.generator,
            per_class=args.per_class,
            guidance=Guidance(**{"mode_scale": args.mode_scale, **guidance}),
            steps=20,
            guidance_scale=2.0,
            batch_size=50,
            **own,
        )
    rows = []
    for name, method in methods.items():
        scores = [measure(method, real, number, args) for number in range(args.sets)]
        values = [value for own in scores for value in own]
        rows.append({"step": name, "accuracy": [statistics.fmean(values), statistics.stdev(values)]})
        print(rows[-1], flush=True)
    save(
        f"manifold_digits_ipc{args.per_class}",
        rows,
        title=f"digits, guided diffusion, {args.per_class} samples a class",
        note=f"{args.sets} generated sets x {args.seeds} networks, ConvNet width 32 depth 2, {args.epochs} epochs, "
        f"hard labels; mode scale {args.mode_scale}, untuned",
    )


def measure(method: Any, real: RealData, number: int, args: argparse.Namespace) -> list[float]:
    """Return the test accuracy of fresh networks on one generated set, in per cent."""
    samples = method.fit(real, Run(seed=number, progress=False))
    with torch.no_grad():
        stored = samples.decode(samples.codes())
        # As it is published: rounded to 8 bits.
        x = real.spec.normalize(real.spec.denormalize(stored.x))
    recipe = Recipe(epochs=args.epochs, augment=SiameseAugment(strategy="color_crop_cutout_scale_rotate"))
    streams = [Streams(number, step=k) for k in range(args.seeds)]
    build = ConvNet(width=32, depth=2).build
    networks = [build(real.spec.shape, real.spec.num_classes, each.seed_for("network")) for each in streams]
    source = TensorSource(Batch.of(x, stored.y))
    train_networks(networks, [source] * args.seeds, streams, recipe=recipe, strategy="sequential")
    return [100 * accuracy(logits, real.test.labels) for logits in predict(networks, real.test, real.spec, x.device)]


if __name__ == "__main__":
    main()
