"""Decoupled sets of CIFAR-10 with a given ResNet-20 as teacher: hard and soft labels, and what labels cost.

python benchmarks/decoupled.py --data cifar10 --teacher cifar10_resnet20.safetensors [--part methods|labels]

All options were set beforehand; nothing is chosen by what is measured. HLR, IOR and the label-robust score are those of
DD-Ranking (arXiv 2505.13300): IOR is the set with soft labels less random real images with soft labels of one teacher.
"""

from __future__ import annotations

import argparse
from typing import Any

from record import save

from hf_distill.augment import RandomViews
from hf_distill.cli.distill import build_parser
from hf_distill.cli.messages import build, parse
from hf_distill.configurations import configurations
from hf_distill.data import RealData
from hf_distill.evaluation import ClassificationEvaluator
from hf_distill.evaluation.ranking import label_robust_score
from hf_distill.features import NetworkFeatures
from hf_distill.initialization import CutSamples
from hf_distill.labels import DenseLabels, Labels, TopLabels, ViewLabels
from hf_distill.methods import Coreset, Method, Relabeled, Run, Undistilled
from hf_distill.networks import CifarResNet, ConvNet
from hf_distill.quantization import UniformQuantizer
from hf_distill.selection import KMeansSelector
from hf_distill.synthetic import GeneratedSet, PixelSet, QuantizedSet
from hf_distill.training import KL, AdamW, Cosine, Recipe, Teacher

STEPS, BATCH, RATE, PER_CLASS = 300, 50, 0.003, 10
DENSE, TOP = DenseLabels(learned=False), TopLabels(top=3, learned=False)
DRAW = RandomViews(least=0.25, mix="cutmix")


def recipe(soft: bool, rate: float) -> Recipe:
    return Recipe(
        steps=STEPS,
        batch_size=BATCH,
        optimizer=AdamW(lr=rate),
        schedule=Cosine(each="step"),
        loss=KL(temperature=4) if soft else None,
        augment=None if soft else RandomViews(least=0.25),
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", default="cifar10")
    parser.add_argument("--teacher", default="cifar10_resnet20.safetensors")
    parser.add_argument("--part", choices=("methods", "labels"), default="methods")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--commit", default=None)
    given = parser.parse_args()
    real = RealData(path=given.data).setup()
    teacher = Teacher(path=given.teacher, network=CifarResNet(), mean=[0.485, 0.456, 0.406], std=[0.229, 0.224, 0.225])
    rows: list[dict[str, Any]] = []

    def measured(made: Any, labels: str, rate: float, **options: Any) -> dict[str, Any]:
        options = {"seeds": given.seeds, "baselines": [], "full": 0, **options}
        own = ClassificationEvaluator(
            networks=[ConvNet(width=32)], recipe=recipe(labels != "hard", rate), labels=labels, **options
        )
        return own.evaluate(made, real, progress=False).rows[0]

    def kept(**row: Any) -> None:
        rows.append(row)
        save(
            f"decoupled_{given.part}_cifar10",
            rows,
            title=f"CIFAR-10, 10 a class, labels of a ResNet-20: {given.part}",
            command=f"python benchmarks/decoupled.py --part {given.part} --seeds {given.seeds}",
            commit=given.commit,
            note=f"ConvNet of width 32, {STEPS} steps of {BATCH} by AdamW at {RATE}, set beforehand; mean ± standard "
            f"deviation of {given.seeds} networks on one set",
        )

    def made(method: Method, labels: Labels = DENSE) -> Any:
        return Relabeled(method=method, teacher=teacher, labels=labels).distill(real, Run(progress=False))

    def views(labels: Labels, count: int) -> Labels:
        return ViewLabels(labels=labels, views=count, draw=DRAW)

    random = made(Coreset(per_class=PER_CLASS), views(DENSE, 30))
    cut = Undistilled(
        synthetic=GeneratedSet(per_class=PER_CLASS), initial=CutSamples(teacher=teacher, candidates=300, pieces=1)
    )
    if given.part == "labels":
        quantized = QuantizedSet(
            synthetic=PixelSet(per_class=PER_CLASS),
            quantizer=UniformQuantizer(bits=8),
            labels=UniformQuantizer(bits=4),
        )
        small = Undistilled(synthetic=quantized, initial=cut.initial)
        for name, method, labels in (
            ("one a sample, float32", cut, DENSE),
            ("10 views, float32", cut, views(DENSE, 10)),
            ("10 views, top 3 of 4 bits", small, views(TOP, 10)),
            ("100 views, float32", cut, views(DENSE, 100)),
            ("100 views, top 3 of 4 bits", small, views(TOP, 100)),
        ):
            row = measured(made(method, labels), "soft", RATE, teacher=teacher, baselines=["random"])
            kept(labels=name, **said(row))
        return
    full = measured(random, "hard", RATE, full=given.seeds, full_steps=1000)
    kept(set="random, one draw", labels="hard", **said(full), full=[full["full_mean"], full["full_std"]])
    methods: dict[str, Method] = {"RDED": cut}
    coreset = Coreset(selector=KMeansSelector(), features=NetworkFeatures(teacher=teacher), per_class=PER_CLASS)
    methods["k-means coreset"] = coreset
    methods |= recovered(teacher, real)
    alike = None
    for name, method in methods.items():
        own = made(method, views(DENSE, 30))
        hard = measured(own, "hard", RATE)
        soft = measured(own, "soft", RATE, teacher=None if alike else teacher)
        if alike is None:
            alike = soft["baselines"]["same_labels"]
            kept(set="random, same labels", labels="soft", accuracy=[alike["mean"], alike["std"]], bits=alike["bits"])
        ranked = {
            "hard_label_recovery": full["full_mean"] - hard["mean"],
            "improvement_over_random": soft["mean"] - alike["mean"],
        }
        kept(set=name, labels="hard", **said(hard))
        kept(set=name, labels="soft", **said(soft), **ranked, label_robust_score=label_robust_score(**ranked))


def recovered(teacher: Teacher, real: RealData) -> dict[str, Method]:
    """Return the methods of the configurations that recover images, with the given teacher."""
    found: dict[str, Method] = {}
    known = configurations()
    for name in ("sre2l_cifar10",):
        if name in known:
            words = [f"--config={known[name]}", f"--data.path={real.path}"]
            parser = build_parser()
            method = build(parser, parse(parser, words)).method.method
            method.objective.teacher = teacher
            found[name.split("_")[0].upper()] = method
    return found


def said(row: dict[str, Any]) -> dict[str, Any]:
    baselines = {
        name.replace("_", " "): [own["mean"], own["std"]] for name, own in (row.get("baselines") or {}).items()
    }
    return {"accuracy": [row["mean"], row["std"]], "bits": row["bits"], **baselines}


if __name__ == "__main__":
    main()
