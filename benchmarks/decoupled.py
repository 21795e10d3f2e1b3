"""Sets of a teacher beside random images with the same labels, a coreset and DM: hard and soft labels.

`python benchmarks/decoupled.py cifar10 10`: ten images a class by each of the methods, measured twice. `--student
resnet18` measures the same sets by another network. Every set and every number is a file below outputs/decoupled, and
none is made again: a run that was ended goes on where it was. The teacher is `cifar10_resnet20.safetensors` in this
folder for cifar10, and what `hf-distill train-teacher` wrote to outputs for other data.

All options were set beforehand; nothing is chosen by what is measured. HLR, IOR and the label-robust score are those of
DD-Ranking (arXiv 2505.13300): IOR is the set with soft labels less random real images with soft labels of one teacher.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from record import save
from series_row import build

from hf_distill.augment import RandomViews
from hf_distill.configurations import configurations
from hf_distill.data import RealData
from hf_distill.evaluation import ClassificationEvaluator
from hf_distill.evaluation.ranking import label_robust_score
from hf_distill.features import NetworkFeatures
from hf_distill.files import write_atomically
from hf_distill.hub import DistilledDataset
from hf_distill.labels import DenseLabels, Labels, ViewLabels
from hf_distill.methods import Coreset, Method, Relabeled, Run
from hf_distill.networks import Architecture, CifarResNet, ConvNet, ResNet18
from hf_distill.selection import KMeansSelector
from hf_distill.training import KL, AdamW, Cosine, Recipe, Teacher

FOLDER = Path("outputs/decoupled")
STEPS, BATCH, RATE, VIEWS = 300, 50, 0.003, 30
DRAW = RandomViews(least=0.25, mix="cutmix")
RESNET20 = Teacher(
    path="cifar10_resnet20.safetensors", network=CifarResNet(), mean=[0.485, 0.456, 0.406], std=[0.229, 0.224, 0.225]
)
# Of each method its configuration, and whether it is labelled there.
METHODS = {
    "RDED": ("rded_cifar10", True),
    "EDC": ("edc_cifar10", True),
    "SRe2L": ("sre2l_cifar10", True),
    "CDA": ("cda_cifar10", True),
    "DM": ("dm_cifar10_ipc10", False),
}
# Those with other steps than there, by images a class, to be short: a step of 100 images takes 0.9 s.
SHORTER = {"SRe2L": {1: 500, 10: 150}, "CDA": {1: 500, 10: 150}, "DM": {1: 300, 10: 150}}
# What random images are measured beside, which are a fresh draw for each network.
FIRST = "RDED"
SETS = (FIRST, "SRe2L", "k-means coreset", "EDC", "CDA", "DM")


def views(count: int) -> Labels:
    return ViewLabels(labels=DenseLabels(learned=False), views=count, draw=DRAW)


@dataclass
class Bench:
    """Sets of some data and what was measured of them; each is kept in a file.

    Args:
        data: The data.
        per_class: Images of each class.
        student: ``convnet`` of width 32 or ``resnet18`` of width 8.
        seeds: Networks on each set.
    """

    data: str
    per_class: int
    student: str = "convnet"
    seeds: int = 2
    real: RealData = field(init=False)
    teacher: Teacher = field(init=False)

    def __post_init__(self) -> None:
        self.real = RealData(path=self.data).setup()
        self.teacher = RESNET20 if self.data == "cifar10" else Teacher(path=f"outputs/teacher_{self.data}")

    def network(self) -> Architecture:
        if self.student == "resnet18":
            return ResNet18(width=8)
        return ConvNet(width=32, depth=3 if min(self.real.spec.shape[1:]) < 64 else 4)

    def method(self, name: str) -> Method:
        """Return what makes the images of a set."""
        if name == "k-means coreset":
            features = NetworkFeatures(teacher=self.teacher)
            return Coreset(selector=KMeansSelector(), features=features, per_class=self.per_class)
        config, labelled = METHODS[name]
        config = f"rded_{self.data}" if name == FIRST else config  # images of 64 pixels are of four pieces
        inner = "--method.method" if labelled else "--method"
        words = [f"--config={configurations()[config]}", f"--data.path={self.data}"]
        words.append(f"{inner}.synthetic.per_class={self.per_class}")
        if name in SHORTER:
            words.append(f"{inner}.steps={SHORTER[name][self.per_class]}")
        if name == "DM":
            words += [
                f"{inner}.objective.{option}" for option in ("pool.network.width=32", "real_per_class=64", "views=4")
            ]
        made = build(words).method
        method: Method = made.method if labelled else made
        for part in (method.initial, getattr(method, "objective", None)):
            if hasattr(part, "teacher"):
                part.teacher = self.teacher
        return method

    def folder(self, name: str) -> Path:
        return FOLDER / f"{self.data}_{self.per_class}" / name.replace(" ", "_")

    def made(self, name: str, labels: Labels, method: Method) -> DistilledDataset:
        """Return a set, which is made where it is not there."""
        folder = self.folder(name)
        if not (folder / "seconds.json").is_file():
            began = time.perf_counter()
            run = Run(folder=folder / "run", resume=True, progress=False)
            made = Relabeled(method=method, teacher=self.teacher, labels=labels).distill(self.real, run)
            made.save_pretrained(folder / "set")
            write_atomically(folder / "seconds.json", json.dumps(time.perf_counter() - began))
        return DistilledDataset.from_pretrained(folder / "set")

    def measured(self, name: str, labels: str, made: DistilledDataset, **options: Any) -> dict[str, Any]:
        """Return the evaluator's row of a set, which is measured where it was not."""
        kind = "full" if options.get("full") else labels
        path = self.folder(name) / f"{self.student}_{kind}.json"
        if not path.is_file():
            options = {"seeds": self.seeds, "baselines": [], "full": 0, **options}
            own = ClassificationEvaluator(networks=[self.network()], recipe=recipe(labels), labels=labels, **options)
            write_atomically(path, json.dumps(own.evaluate(made, self.real, progress=False).rows[0]))
            print(path, flush=True)
        return json.loads(path.read_text())

    def both(self, name: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the rows of a set with hard and with soft labels; the first one is measured beside random images."""
        made = self.made(name, views(VIEWS), self.method(name))
        beside = {"baselines": ["random"], "teacher": self.teacher} if name == FIRST else {}
        return self.measured(name, "hard", made, **beside), self.measured(name, "soft", made, **beside)

    def full(self) -> dict[str, Any]:
        made = self.made(FIRST, views(VIEWS), self.method(FIRST))
        return self.measured(FIRST, "hard", made, full=self.seeds, full_steps=1000)


def recipe(labels: str) -> Recipe:
    return Recipe(
        steps=STEPS,
        batch_size=BATCH,
        optimizer=AdamW(lr=RATE),
        schedule=Cosine(each="step"),
        loss=None if labels == "hard" else KL(temperature=4),
        augment={"hard": RandomViews(least=0.25), "soft": None, "taught": DRAW}[labels],
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data")
    parser.add_argument("per_class", type=int)
    parser.add_argument("--student", choices=["convnet", "resnet18"], default="convnet")
    args = parser.parse_args()
    bench = Bench(args.data, args.per_class, args.student)
    hard, soft = bench.both(FIRST)
    random, alike, full = hard["baselines"]["random"], soft["baselines"]["same_labels"], bench.full()
    rows = [line("random images", random | {"bits": hard["bits"]}, alike, full["full_mean"])]
    rows.append({"set": "all images, 1,000 steps", "hard labels": pair(full, "full_")})
    for name in SETS:
        hard, soft = bench.both(name)
        own = line(name, hard, soft, full["full_mean"])
        ranked = {
            "hard_label_recovery": full["full_mean"] - hard["mean"],
            "improvement_over_random": soft["mean"] - alike["mean"],
        }
        own |= {"IOR": 100 * ranked["improvement_over_random"], "LRS": label_robust_score(**ranked)}
        rows.append(own | {"seconds": json.loads((bench.folder(name) / "seconds.json").read_text())})
        write(bench, rows)


def line(name: str, hard: dict[str, Any], soft: dict[str, Any], full: float) -> dict[str, Any]:
    own = {"set": name, "hard labels": pair(hard), "soft labels": pair(soft), "HLR": 100 * (full - hard["mean"])}
    return own | {"bits, hard": hard["bits"], "bits, soft": soft["bits"]}


def pair(row: dict[str, Any], kind: str = "") -> list[float]:
    return [100 * row[f"{kind}mean"], 100 * row[f"{kind}std"]]


def write(bench: Bench, rows: list[dict[str, Any]]) -> None:
    label = bench.network().label
    save(
        f"decoupled_{bench.data}_{bench.per_class}" + ("" if bench.student == "convnet" else f"_{bench.student}"),
        rows,
        title=f"{bench.data}, {bench.per_class} a class, soft labels of a teacher: {label}",
        note=f"{label}, {STEPS} steps of {BATCH} by AdamW at {RATE}, set beforehand; soft labels are {VIEWS} views of "
        f"float32; mean ± standard deviation of {bench.seeds} networks on one set; random images are a draw for each",
    )


if __name__ == "__main__":
    main()
