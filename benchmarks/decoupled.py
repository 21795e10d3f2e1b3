"""Sets of a teacher beside random images with the same labels, a coreset and DM: hard and soft labels.

`python benchmarks/decoupled.py cifar10 10`: ten images a class by each of the methods, measured twice. `--student
resnet18` measures the same sets by another network. Every set and every number is a file below outputs/decoupled, and
none is made again: a run that was ended goes on where it was, and `--only SRe2L` makes one row. The teacher is
`cifar10_resnet20.safetensors` in this folder for cifar10, and of other data what `hf-distill train-teacher` wrote to
outputs: `--teacher.network=ConvNet --teacher.network.width=32 --teacher.network.norm=batch`, of depth 2 for digits.

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
from hf_distill.synthetic import GeneratedSet
from hf_distill.training import KL, AdamW, Cosine, Recipe, Teacher

FOLDER = Path("outputs/decoupled")
STEPS, BATCH, RATE, VIEWS = 300, 50, 0.003, 30
RESNET20 = Teacher(
    path="cifar10_resnet20.safetensors", network=CifarResNet(), mean=[0.485, 0.456, 0.406], std=[0.229, 0.224, 0.225]
)
# Of each method its configuration, without the data, and whether it is labelled there.
METHODS = {
    "SRe2L": ("sre2l", True),
    "EDC": ("edc", True),
    "CDA": ("cda", True),
    "SRe2L, G-VBSM's statistics": ("sre2l", True),
    "EDC, its statistics": ("edc", True),
    "RDED": ("rded", True),
    "k-means coreset": ("", False),
    "DM": ("dm", False),
}
# Options of their objectives beside those.
OBJECTIVES = {
    "SRe2L, G-VBSM's statistics": {"convolutions": True, "average": 0.4},
    "EDC, its statistics": {"convolutions": True, "average": 0.8},
}
# Steps where they are other than there, to be short: a step of 100 images of CIFAR-10 takes 0.9 s.
SHORTER = {"SRe2L": 100, "CDA": 100, "SRe2L, G-VBSM's statistics": 100, "DM": 150}
# What random images are measured beside, which are a fresh draw for each network.
FIRST = "RDED"


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
    parts: RandomViews = field(init=False)
    draw: RandomViews = field(init=False)

    def __post_init__(self) -> None:
        self.real = RealData(path=self.data).setup()
        self.teacher = RESNET20 if self.data == "cifar10" else Teacher(path=f"outputs/teacher_{self.data}")
        digits = self.data == "digits"  # of which a small or mirrored part is another one
        self.parts = RandomViews(least=0.5, flip=0.0) if digits else RandomViews(least=0.25)
        self.draw = RandomViews(least=self.parts.least, flip=self.parts.flip, mix="cutmix")

    def network(self) -> Architecture:
        if self.student == "resnet18":
            return ResNet18(width=8)
        return ConvNet(width=32, depth={8: 2, 32: 3, 64: 4}[self.real.spec.shape[-1]])

    def views(self, count: int = VIEWS) -> Labels:
        return ViewLabels(labels=DenseLabels(learned=False), views=count, draw=self.draw)

    def method(self, name: str) -> Method:
        """Return what makes the images of a set."""
        if name == "k-means coreset":
            features = NetworkFeatures(teacher=self.teacher)
            return Coreset(selector=KMeansSelector(), features=features, per_class=self.per_class)
        config, labelled = METHODS[name]
        digits = self.data == "digits"
        suffix = "digits" if digits else "cifar10_ipc10" if name == "DM" else "cifar10"
        made = build([f"--config={configurations()[f'{config}_{suffix}']}"])
        method: Method = made.method.method if labelled else made.method
        if name == FIRST:
            method.synthetic = GeneratedSet()  # 8-bit images
            method.initial.pieces = None  # those of 64 pixels are of four pieces
        method.synthetic.per_class = self.per_class
        if name in SHORTER and not digits:
            method.steps = SHORTER[name]
        if name == "DM" and not digits:
            method.objective.pool.network.width, method.objective.real_per_class, method.objective.views = 32, 64, 4
        for option, value in OBJECTIVES.get(name, {}).items():
            setattr(method.objective, option, value)
        for part in (method.initial, getattr(method, "objective", None)):
            if hasattr(part, "teacher"):
                part.teacher = self.teacher
        return method

    def folder(self, name: str) -> Path:
        return FOLDER / f"{self.data}_{self.per_class}" / name.replace(" ", "_").replace("'", "")

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
            own = ClassificationEvaluator(
                networks=[self.network()], recipe=self.recipe(labels), labels=labels, **options
            )
            write_atomically(path, json.dumps(own.evaluate(made, self.real, progress=False).rows[0]))
            print(path, flush=True)
        return json.loads(path.read_text())

    def both(self, name: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the rows of a set with hard and with soft labels; the first one is measured beside random images."""
        made = self.made(name, self.views(), self.method(name))
        beside = {"baselines": ["random"], "teacher": self.teacher} if name == FIRST else {}
        if name == FIRST:
            self.measured(name, "hard", made, full=self.seeds, full_steps=1000)
        return self.measured(name, "hard", made, **beside), self.measured(name, "soft", made, **beside)

    def known(self, name: str, kind: str) -> dict[str, Any] | None:
        path = self.folder(name) / f"{self.student}_{kind}.json"
        return json.loads(path.read_text()) if path.is_file() else None

    def recipe(self, labels: str) -> Recipe:
        return Recipe(
            steps=STEPS,
            batch_size=BATCH,
            optimizer=AdamW(lr=RATE),
            schedule=Cosine(each="step"),
            loss=None if labels == "hard" else KL(temperature=4),
            augment={"hard": self.parts, "soft": None, "taught": self.draw}[labels],
        )

    def rows(self) -> list[dict[str, Any]]:
        """Return the table of all that is there."""
        hard, soft, full = (self.known(FIRST, kind) for kind in ("hard", "soft", "full"))
        if hard is None or soft is None or full is None:
            return [self.row(name) for name in METHODS if self.known(name, "soft")]
        random, alike = hard["baselines"]["random"], soft["baselines"]["same_labels"]
        lines = [{"set": "all images, 1,000 steps", "hard labels": pair(full, "full_")}]
        lines.append({"set": "random images", "hard labels": pair(random), "soft labels": pair(alike)})
        lines[-1] |= {"HLR": 100 * (full["full_mean"] - random["mean"])}
        for name in METHODS:
            if (own := self.known(name, "soft")) is not None:
                lost = full["full_mean"] - self.known(name, "hard")["mean"]
                ranked = {"hard_label_recovery": lost, "improvement_over_random": own["mean"] - alike["mean"]}
                score = label_robust_score(**ranked)
                lines.append(self.row(name) | {"HLR": 100 * lost, "IOR": 100 * ranked["improvement_over_random"]})
                lines[-1] |= {"LRS": score}
        return lines

    def row(self, name: str) -> dict[str, Any]:
        hard, soft = self.known(name, "hard"), self.known(name, "soft")
        own = {"set": name, "hard labels": pair(hard), "soft labels": pair(soft)}
        seconds = json.loads((self.folder(name) / "seconds.json").read_text())
        return own | {"bits, hard": hard["bits"], "bits, soft": soft["bits"], "seconds": seconds}


def pair(row: dict[str, Any], kind: str = "") -> list[float]:
    return [100 * row[f"{kind}mean"], 100 * row[f"{kind}std"]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data")
    parser.add_argument("per_class", type=int)
    parser.add_argument("--student", choices=["convnet", "resnet18"], default="convnet")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--only", nargs="+", choices=list(METHODS), default=list(METHODS))
    args = parser.parse_args()
    bench = Bench(args.data, args.per_class, args.student, args.seeds)
    label = bench.network().label
    for name in args.only:
        bench.both(name)
        save(
            f"decoupled_{bench.data}_{bench.per_class}" + ("" if bench.student == "convnet" else f"_{bench.student}"),
            bench.rows(),
            title=f"{bench.data}, {bench.per_class} a class, soft labels of a teacher: {label}",
            note=f"{label}, {STEPS} steps of {BATCH} by AdamW at {RATE}, set beforehand; soft labels are {VIEWS} views "
            f"of float32; mean ± standard deviation of {bench.seeds} networks on one set; random images are a draw for "
            "each",
        )


if __name__ == "__main__":
    main()
