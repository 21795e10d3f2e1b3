"""What a start and importance-sampled batches are worth to four objectives.

    python benchmarks/selection_starts.py --data digits

Every start with batches drawn uniformly and in proportion to the loss of a network that was trained on the set. Start
and end are measured by the same networks, on the test split; nothing is chosen by them, but that the two best rows of
a group and its worst are run ``--more`` times in all. Short runs, all with one learning rate. Each run is saved when it
is done, and a second call goes on after it.
"""

from __future__ import annotations

import argparse
import functools
import json
from collections.abc import Sequence

import numpy as np
from record import RESULTS, save

from hf_distill import (
    ClassificationEvaluator,
    ConvNet,
    Coreset,
    DistilledDataset,
    DistributionMatching,
    FreshNetworks,
    GradientMatching,
    HerdingSelector,
    KernelRegression,
    KMeansSelector,
    KMeansSensitivitySelector,
    LeverageSelector,
    LossProportional,
    Objective,
    OptimizedDistillation,
    PixelSet,
    RandomSelector,
    RealData,
    RealSamples,
    Recipe,
    Run,
    TrainedOnSet,
    UnrolledMatching,
)

STARTS = {
    "random": RandomSelector(),
    "herding": HerdingSelector(),
    "sensitivity": KMeansSensitivitySelector(centres=5),
    "leverage": LeverageSelector(),
    "k-means": KMeansSelector(),
}
# Optimiser steps: those of gradient matching take the longest.
STEPS = {"distribution": 100, "gradient": 50, "kernel": 100, "unrolled": 100}
Key = tuple[str, int, str, str]


def objective_of(name: str, network: ConvNet) -> Objective:
    """Return an objective that is small enough for one core."""
    if name == "distribution":
        pool = FreshNetworks(network=network)
        return DistributionMatching(pool=pool, real_per_class=64, views=4, reuse=5, normalize=True, augment=None)
    if name == "gradient":
        return GradientMatching(pool=TrainedOnSet(networks=[network], size=1, lifetime=50, steps=1), real_batch=64)
    if name == "unrolled":
        return UnrolledMatching(pool=TrainedOnSet(networks=[network], size=2, lifetime=100, steps=5))
    pool = TrainedOnSet(networks=[network], size=10, lifetime=100, steps=1, lr=3e-4)
    return KernelRegression(pool=pool, real_batch=320)


class Starts:
    """Runs with their scores, which are kept in a file.

    Args:
        args: The command's options.
    """

    def __init__(self, args: argparse.Namespace) -> None:
        self.args = args
        self.name = f"selection_starts_{args.data}"
        self.real = RealData(path=args.data).setup()
        self.network = ConvNet(width=16, depth=args.depth)
        self.evaluator = ClassificationEvaluator(
            networks=[self.network], seeds=2, baselines=[], full=0, recipe=Recipe(steps=200)
        )
        path = RESULTS / f"{self.name}.json"
        kept = json.loads(path.read_text())["scores"] if path.exists() else []
        self.scores: dict[Key, list[list[float]]] = {tuple(key): scores for key, scores in kept}
        self.start_score = functools.cache(self._start_score)

    def measured(self, made: DistilledDataset) -> float:
        """Return the mean accuracy of networks that are trained on a set."""
        return float(self.evaluator.evaluate(made, self.real, progress=False).rows[0]["mean"])

    def _start_score(self, per_class: int, start: str, seed: int) -> float:
        made = Coreset(selector=STARTS[start], per_class=per_class).distill(self.real, Run(seed=seed, progress=False))
        return self.measured(made)

    def run(self, key: Key, runs: int) -> None:
        """Make as many runs of a row as are not there yet."""
        name, per_class, start, drawn = key
        args, scores = self.args, self.scores.setdefault(key, [])
        for seed in range(len(scores), runs):
            weighed = LossProportional(network=self.network, every=args.every, steps=30)
            made = OptimizedDistillation(
                synthetic=PixelSet(per_class=per_class),
                objective=objective_of(name, self.network),
                initial=RealSamples(selector=STARTS[start]),
                batches=weighed if drawn == "loss" else None,
                steps=STEPS[name],
                optimizer="adam",
                lr=0.01,
                schedule="cosine",
                preview_every=0,
            ).distill(self.real, Run(seed=seed, progress=False))
            scores.append([self.start_score(per_class, start, seed), self.measured(made)])
            self.save()
        print(*key, scores, flush=True)

    def end(self, key: Key) -> float:
        """Return the mean accuracy of a row's runs at their end."""
        return float(np.mean([scores[1] for scores in self.scores[key]]))

    def save(self) -> None:
        """Write all rows that have runs."""
        rows = []
        for (name, per_class, start, drawn), scores in self.scores.items():
            if scores:
                begun, ended = 100 * np.array(scores).T
                about = {"objective": name, "per_class": per_class, "start": start, "batches": drawn}
                spread = {"start %": begun.mean(), "end %": ended.mean(), "end std": ended.std(ddof=len(ended) > 1)}
                rows.append(
                    about
                    | {"steps": STEPS[name], "runs": len(scores)}
                    | {key: round(float(v), 2) for key, v in spread.items()}
                )
        save(self.name, rows, scores=[[list(key), scores] for key, scores in self.scores.items()])


def keys_of(args: argparse.Namespace, name: str, per_class: int) -> Sequence[Key]:
    """Return the rows of a group."""
    return [(name, per_class, start, drawn) for start in args.starts for drawn in ("uniform", "loss")]


def main() -> None:
    """Distill from every start, measure and save."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", default="digits")
    parser.add_argument("--objectives", nargs="+", default=["gradient", "kernel", "unrolled", "distribution"])
    parser.add_argument("--starts", nargs="+", default=["random", "herding", "sensitivity", "leverage"])
    parser.add_argument("--per_class", type=int, nargs="+", default=[1, 10])
    parser.add_argument("--depth", type=int, default=2)
    parser.add_argument("--every", type=int, default=25)
    parser.add_argument("--runs", type=int, default=2)
    parser.add_argument("--more", type=int, default=5)
    args = parser.parse_args()
    starts = Starts(args)
    groups = [keys_of(args, name, per_class) for name in args.objectives for per_class in args.per_class]
    for keys in groups:
        for key in keys:
            starts.run(key, args.runs)
    for keys in groups:
        ordered = sorted(keys, key=starts.end)
        for key in [*ordered[-2:], ordered[0]]:
            starts.run(key, args.more)


if __name__ == "__main__":
    main()
