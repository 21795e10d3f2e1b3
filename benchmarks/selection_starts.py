"""What a start and importance-sampled batches are worth to distribution matching: digits, 1 and 10 a class.

    python benchmarks/selection_starts.py --runs 2

Every start with batches drawn uniformly and in proportion to the loss of a network that was trained on the set. Start
and end are measured by the same networks, on the test split; nothing is chosen by them. Short runs.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
from record import save

from hf_distill import (
    ClassificationEvaluator,
    ConvNet,
    DistributionMatching,
    FreshNetworks,
    HerdingSelector,
    KMeansSelector,
    KMeansSensitivitySelector,
    LeverageSelector,
    LossProportional,
    OptimizedDistillation,
    PixelSet,
    RandomSelector,
    RealData,
    RealSamples,
    Recipe,
    Run,
)
from hf_distill.methods.start import read_start

STARTS = {
    "random": RandomSelector(),
    "herding": HerdingSelector(),
    "k-means": KMeansSelector(),
    "sensitivity": KMeansSensitivitySelector(centres=5),
    "leverage": LeverageSelector(),
}


def main() -> None:
    """Distill from every start, measure and save."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", default="digits")
    parser.add_argument("--per_class", type=int, nargs="+", default=[1, 10])
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--runs", type=int, default=2)
    args = parser.parse_args()
    real = RealData(path=args.data).setup()
    network = ConvNet(width=16, depth=2)
    evaluator = ClassificationEvaluator(
        networks=[network], seeds=2, baselines=["start"], full=0, recipe=Recipe(steps=200), feature_metrics=None
    )
    found = []
    for per_class in args.per_class:
        for start, selector in STARTS.items():
            for name, batches in (("uniform", None), ("loss", LossProportional(network=network, every=25, steps=30))):
                begun, ended = [], []
                for seed in range(args.runs):
                    objective = DistributionMatching(
                        pool=FreshNetworks(network=network),
                        real_per_class=64,
                        views=4,
                        reuse=5,
                        normalize=True,
                        augment=None,
                    )
                    method = OptimizedDistillation(
                        synthetic=PixelSet(per_class=per_class),
                        objective=objective,
                        initial=RealSamples(selector=selector),
                        batches=batches,
                        steps=args.steps,
                        optimizer="adam",
                        lr=0.01,
                        schedule="cosine",
                        preview_every=0,
                    )
                    with tempfile.TemporaryDirectory() as folder:
                        made = method.distill(real, Run(folder=Path(folder), seed=seed, progress=False))
                        first = read_start(Path(folder), made.config)
                        row = evaluator.evaluate(made, real, progress=False, start=first).rows[0]
                    ended.append(row["mean"])
                    begun.append(row["baselines"]["start"]["mean"])
                scores = {"start %": np.mean(begun), "end %": np.mean(ended), "end std": np.std(ended)}
                about = {"per_class": per_class, "start": start, "batches": name, "runs": args.runs}
                found.append({**about, **{key: round(100 * float(value), 2) for key, value in scores.items()}})
                print(found[-1], flush=True)
    save("selection_starts", found)


if __name__ == "__main__":
    main()
