"""Sets of a source with a long tail, beside coresets, random rows and all rows, on a balanced test split.

`python benchmarks/long_tail.py fashion_mnist --factors 10 50 100`: by factor, distribution matching with classes of
equal size and with those of the source; random rows, k-means and herding of equal bits; and all rows, with a plain loss
and with the logits adjusted. Short runs, for a CPU. What is there is not made again.
"""

from __future__ import annotations

import argparse
import json
import statistics
from pathlib import Path
from typing import Any

import torch
from families import HERE, run
from record import save

from hf_distill import SGD, ConvNet, Cosine, LogitAdjusted, RealData, Recipe, Teacher
from hf_distill.cli.parsing import run_folder
from hf_distill.evaluation.scores import by_class
from hf_distill.training.prediction import predict

FOLDER = Path("outputs/long_tail")
CONFIG = {"digits": "dm_digits", "fashion_mnist": "dm_fashion_mnist_ipc10_fast"}
RECIPE = ("recipe.steps=300", "recipe.optimizer=SGD", "recipe.optimizer.lr=0.03", "recipe.schedule=Cosine")
ALONE = {"full": 0, "baselines": "[]"}
METHODS = {
    "DM, equal classes": (
        "equal",
        {"baselines": "[random,kmeans,herding]"},
        {"random": "random rows", "kmeans": "coreset (k-means)", "herding": "coreset (herding)", "full": "all rows"},
    ),
    "DM, classes as in the source": ("natural", ALONE, {}),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", choices=list(CONFIG))
    parser.add_argument("--factors", type=float, nargs="+", default=[10, 50, 100])
    parser.add_argument("--networks", type=int, default=2)
    args = parser.parse_args()
    rows: list[dict[str, Any]] = []
    for factor in args.factors:
        for name, (balance, measured, company) in METHODS.items():
            sets = made(args, factor, balance, measured)
            rows += [
                line(factor, name, sets["distilled"]),
                *(line(factor, of, sets[key]) for key, of in company.items()),
            ]
        rows.append(line(factor, "all rows, logits adjusted", adjusted(args, factor)))
        title = f"{args.data}: training rows with a long tail, balanced test rows"
        note = f"{args.networks} network{'s' * (args.networks > 1)} on one set. The rarest class is the last one"
        save(f"long_tail_{args.data}", rows, title=title, note=note)


def made(args: argparse.Namespace, factor: float, balance: str, measured: dict[str, Any]) -> dict[str, Any]:
    """Distill and measure a set, unless it is there; return what its networks know of each class."""
    folder = FOLDER / args.data / f"{factor:g}_{balance}"
    path = run_folder(folder / CONFIG[args.data] / "0") / "long_tail.json"
    if not path.is_file():
        options = [f"--data.path={args.data}", f"--data.imbalance_factor={factor:g}", f"--data.class_balance={balance}"]
        options += [f"--evaluator.{name}={value}" for name, value in measured.items()]
        options += [f"--evaluator.{option}" for option in RECIPE]
        if "full" not in measured:
            options.append(f"--evaluator.full={args.networks}")
        options += [f"--evaluator.seeds={args.networks}", "--evaluator.full_steps=300", f"--folder={folder}"]
        kept = ["--only=0", "--name=long_tail", "--device=cpu"]
        run([str(HERE / "image_rows.py"), f"configs/{CONFIG[args.data]}.yaml", *options, *kept])
    found: dict[str, Any] = json.loads(path.read_text())["rows"][0]["by_class"]
    return found


def adjusted(args: argparse.Namespace, factor: float) -> dict[str, Any]:
    """Return what networks know of each class that were trained on all rows with adjusted logits."""
    path = FOLDER / args.data / f"{factor:g}_adjusted.json"
    if not path.is_file():
        real = RealData(path=args.data, imbalance_factor=factor).setup()
        recipe = Recipe(steps=300, optimizer=SGD(lr=0.03), schedule=Cosine(), loss=LogitAdjusted())
        network = ConvNet(width=32, depth=2 if args.data == "digits" else 3)
        networks = Teacher(network=network, recipe=recipe, count=args.networks).experts(real).networks
        outputs = predict(networks, real.test, real.spec, torch.device("cpu"))
        path.write_text(json.dumps(by_class(outputs, real.test.labels, real.spec.classes)))
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def line(factor: float, name: str, known: dict[str, Any]) -> dict[str, Any]:
    """Return a line of the table."""
    shares = [value for value in known["accuracy"].values() if value is not None]
    means = {key: percent(*known[key]) for key in ("balanced_accuracy", "macro_f1")}
    least = {"least known class": 100 * min(shares), "last three classes": 100 * statistics.fmean(shares[-3:])}
    return {"imbalance": factor, "trained on": name, **means, **least}


def percent(mean: float, std: float | None) -> list[float] | float:
    """Return a mean and its deviation in percent; one network has no deviation."""
    return 100 * mean if std is None else [100 * mean, 100 * std]


if __name__ == "__main__":
    main()
