"""Which steps of ManifoldGD help: random real samples, the generator alone, and one step of guidance after another.

hf-distill train-generator --data.path=digits
python benchmarks/manifold_ladder.py --per_class 10
"""

from __future__ import annotations

import argparse
import copy
import statistics
from pathlib import Path
from typing import Any

import torch
from record import HERE, save

from hf_distill import Coreset, GuidedDiffusion, HierarchicalSelector, KMeansSelector, RandomSelector, RealData, Run
from hf_distill.cli.distill import build_parser
from hf_distill.data.batch import Batch
from hf_distill.evaluation import ClassificationEvaluator
from hf_distill.metrics import accuracy
from hf_distill.seeding import Streams
from hf_distill.training import TensorSource, train_networks
from hf_distill.training.prediction import predict

PLAIN = {"mode_scale": 0.0, "manifold": "none"}
MODE = {"manifold": "none"}
CENTRES = {"mode_scale": 1.0, "manifold": "none", "stop": 0.0}


def steps(method: GuidedDiffusion) -> dict[str, Any]:
    """Return the methods: each has the settings of the configuration but for what its name says."""
    chosen = method.selector
    return {
        "random real": Coreset(selector=RandomSelector(), per_class=method.per_class),
        "plain sampling": changed(method, RandomSelector(), PLAIN),
        "k-means mode guidance (MGD3)": changed(method, KMeansSelector(restarts=10), MODE),
        "the k-means centres themselves": changed(method, KMeansSelector(restarts=10), CENTRES),
        "divisive leaves": changed(method, HierarchicalSelector(choose="leaves"), MODE),
        "level-wise": changed(method, chosen, MODE),
        "+ tangent guidance": changed(method, chosen, {"radius_schedule": "fixed"}),
        "+ annealed radius": changed(method, chosen, {}),
    }


def changed(method: GuidedDiffusion, selector: Any, guidance: dict[str, Any]) -> GuidedDiffusion:
    other = copy.copy(method)
    other.selector, other.guidance = selector, copy.copy(method.guidance)
    for name, value in guidance.items():
        setattr(other.guidance, name, value)
    return other


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", type=Path, default=HERE.parent / "configs/manifold_digits.yaml")
    parser.add_argument("--path", help="where the data lies, if not where the configuration says")
    parser.add_argument("--per_class", type=int, default=10)
    parser.add_argument("--generator", help="its folder, if not the configuration's")
    parser.add_argument("--sets", type=int, default=3, help="generated sets")
    parser.add_argument("--seeds", type=int, default=3, help="networks for each set")
    parser.add_argument("--epochs", type=int, default=300)
    args = parser.parse_args()
    torch.set_num_threads(1)
    config = build_parser()
    options = [f"--config={args.config}", f"--method.per_class={args.per_class}"]
    options += [f"--method.pipeline={args.generator}"] if args.generator else []
    options += [f"--data.path={args.path}"] if args.path else []
    chosen = config.instantiate(config.parse_args(options))
    real = chosen.data.setup()
    rows = []
    for name, method in steps(chosen.method).items():
        scores = [measure(method, chosen.evaluator, real, number, args) for number in range(args.sets)]
        values = [value for own in scores for value in own]
        means = [statistics.fmean(own) for own in scores]
        rows.append(
            {
                "step": name,
                "accuracy": [statistics.fmean(values), statistics.stdev(values)],
                "std of the sets' means": statistics.stdev(means),
            }
        )
        print(rows[-1], flush=True)
    name = args.config.stem
    save(
        f"{name}_ipc{args.per_class}",
        rows,
        title=f"{name.removeprefix('manifold_')}, guided diffusion, {args.per_class} samples a class",
        note=f"{args.sets} generated sets x {args.seeds} networks, hard labels, {args.epochs} epochs; everything else "
        f"as in configs/{args.config.name}, for every row alike",
    )


def measure(
    method: Any, evaluator: ClassificationEvaluator, real: RealData, number: int, args: argparse.Namespace
) -> list[float]:
    """Return the test accuracy of fresh networks on one generated set, in per cent."""
    samples = method.fit(real, Run(seed=number, progress=False))
    with torch.no_grad():
        stored = samples.decode(samples.codes())
        # As it is published: rounded to 8 bits.
        x = real.spec.normalize(real.spec.denormalize(stored.x))
    recipe = copy.copy(evaluator.recipe)
    recipe.epochs = args.epochs
    streams = [Streams(number, step=k) for k in range(args.seeds)]
    assert evaluator.networks is not None
    build = evaluator.networks[0].build
    networks = [build(real.spec.shape, real.spec.num_classes, each.seed_for("network")) for each in streams]
    source = TensorSource(Batch.of(x, stored.y))
    train_networks(networks, [source] * args.seeds, streams, recipe=recipe)
    return [100 * accuracy(logits, real.test.labels) for logits in predict(networks, real.test, real.spec, x.device)]


if __name__ == "__main__":
    main()
