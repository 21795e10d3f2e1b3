"""What the stages of the decoupled line take for one image of 224 pixels, and from that what ImageNet-1K would take.

`python benchmarks/decoupled_pieces.py`: a ResNet-18 of transformers with weights at random is the teacher, images are
JPEG of 500 by 375 pixels. Every stage is the library's own, for a few images on one thread, whose seconds are those of
the processor, whatever else the machine does; operations are counted by torch. What is scaled to an H100 are the
operations of the stages that are a network's; decoding and publishing are a processor's work, and are taken as they are
measured here: decoding on all cores of a machine (``data.workers``), publishing on one.
"""

from __future__ import annotations

import io
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from datasets import ClassLabel, Dataset, Features, Image
from PIL import Image as PILImage
from record import save
from torch.utils.flop_counter import FlopCounterMode
from transformers import ResNetConfig, ResNetForImageClassification

from hf_distill import (
    CutSamples,
    DenseLabels,
    GeneratedSet,
    PixelSet,
    RandomViews,
    RealData,
    RealSamples,
    StatisticsMatching,
    Teacher,
    ViewLabels,
)
from hf_distill.hub.artifact import DistilledDataset
from hf_distill.methods.relabeled import taught
from hf_distill.seeding import Streams
from hf_distill.synthetic.planner import filled

SIDE, CLASSES, EACH, REPEATS, VIEWS = 224, 4, 8, 3, 2
SECONDS = "seconds an image"
# NVIDIA's H100 SXM: 495 trillion operations a second in TF32, dense; convolutions are taken to reach a fifth of them.
PUBLISHED, UTILISATION, CORES = 495e12, 0.2, {"decode": 16, "publish": 1}
# ImageNet-1K: training rows; 300 candidates of a class by 5 parts; 10 a class for so many steps; 300 views of each.
IMAGES = {"decode": 300_000, "train": 90 * 1_281_167, "score": 1_500_000, "recover": 10_000 * 1000, "label": 3_000_000}
IMAGES["publish"] = 10_000


def data() -> RealData:
    generator = np.random.default_rng(0)
    rows: dict[str, list[Any]] = {"image": [], "label": []}
    for label in range(CLASSES):
        for _ in range(EACH):
            small = generator.integers(0, 256, (12, 16, 3), dtype=np.uint8)
            buffer = io.BytesIO()
            PILImage.fromarray(small).resize((500, 375), PILImage.Resampling.BICUBIC).save(buffer, "JPEG")
            rows["image"].append({"bytes": buffer.getvalue(), "path": None})
            rows["label"].append(label)
    features = Features({"image": Image(), "label": ClassLabel(names=[f"class {label}" for label in range(CLASSES)])})
    table = Dataset.from_dict(rows, features=features)
    return RealData.from_dataset(table, table, image_size=SIDE, storage="arrow", workers=1).setup()


def teacher_of(folder: Path) -> Teacher:
    names = {label: f"class {label}" for label in range(CLASSES)}
    sizes = {"embedding_size": 64, "hidden_sizes": [64, 128, 256, 512], "depths": [2, 2, 2, 2], "layer_type": "basic"}
    config = ResNetConfig(**sizes, id2label=names, label2id={name: label for label, name in names.items()})
    ResNetForImageClassification(config).save_pretrained(folder)
    mean, std = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
    return Teacher(path=str(folder), mean=mean, std=std)


def measured(work: Callable[[], object], images: int) -> dict[str, float]:
    """Return the processor's seconds and the operations that an image takes: the shortest of a few times."""
    with FlopCounterMode(display=False) as counter:
        work()
    times = []
    for _ in range(REPEATS):
        began = time.process_time()
        work()
        times.append(time.process_time() - began)
    return {SECONDS: min(times) / images, "operations an image": counter.get_total_flops() / images}


def pieces(real: RealData, teacher: Teacher, folder: Path) -> dict[str, dict[str, float]]:
    experts, rows = teacher.experts(real), torch.arange(CLASSES * EACH)
    few = real.train.batch(rows[: 2 * CLASSES])
    cut = CutSamples(teacher=teacher, candidates=EACH, crops=1, pieces=2)
    streams = Streams(0)
    network = experts.networks[0]

    def train() -> None:
        network.train().requires_grad_(True)
        F.cross_entropy(network(few.x), few.y).backward()
        network.eval().requires_grad_(False)

    def whole(synthetic: Any) -> Any:
        return filled(synthetic, lambda size: RealSamples().draw(real, size, streams), real.spec)

    recovered, generated = whole(PixelSet(per_class=2)), whole(GeneratedSet(per_class=2))
    more = whole(GeneratedSet(per_class=EACH))
    objective = StatisticsMatching(teacher=teacher, views=RandomViews(least=0.5))
    labels = ViewLabels(labels=DenseLabels(learned=False), views=VIEWS, draw=RandomViews(mix="cutmix"))
    work: dict[str, tuple[Callable[[], object], int]] = {
        "decode": (lambda: real.train.batch(rows), len(rows)),
        "train": (train, len(few)),
        "score": (lambda: cut.draw(real, 1, streams), CLASSES * EACH),
        "recover": (lambda: sum(objective(recovered, real, streams).values()).backward(), 2 * CLASSES),
        "label": (lambda: taught(experts, labels, generated), 2 * CLASSES * VIEWS),
        "publish": (lambda: published(generated, folder), 2 * CLASSES),
        "publish more": (lambda: published(more, folder), EACH * CLASSES),
    }
    found = {}
    for name, (run, images) in work.items():
        found[name] = measured(run, images)
        print(name, found[name], flush=True)
    # What is cut is decoded first, which is a piece of its own.
    found["score"][SECONDS] -= found["decode"][SECONDS]
    # A card and a preview are written whatever the number of images.
    few, many = (found[name][SECONDS] * work[name][1] for name in ("publish", "publish more"))
    found["publish"][SECONDS] = (many - few) / (work["publish more"][1] - work["publish"][1])
    del found["publish more"]
    return found


def published(synthetic: GeneratedSet, folder: Path) -> None:
    DistilledDataset.from_synthetic(synthetic).save_pretrained(folder / "set")


def main() -> None:
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as temporary:
        real = data()
        found = pieces(real, teacher_of(Path(temporary) / "teacher"), Path(temporary))
    rows = []
    for name, own in found.items():
        scaled = own["operations an image"] / (UTILISATION * PUBLISHED)
        seconds = own[SECONDS] / CORES[name] if name in CORES else scaled
        minutes = IMAGES[name] * seconds / 60
        # Ten chunks of an image a class go to eight ranks in two rounds; one process writes the set.
        eight = minutes if name == "publish" else minutes / (5 if name == "recover" else 8)
        here = IMAGES[name] * own[SECONDS] / 3600
        rows.append(
            {"piece": name}
            | own
            | {"images": IMAGES[name], "here, hours": here, "one H100, min": minutes, "eight, min": eight}
        )
    save(
        "decoupled_pieces",
        rows,
        title=f"The decoupled line piece by piece, {SIDE} pixels and a ResNet-18",
        note=f"Processor's seconds an image are measured on one thread, operations counted. Scaled, not measured: an "
        f"H100 does {UTILISATION:.0%} of {PUBLISHED:.3g} operations a second; beside each are {CORES['decode']} cores "
        "like this one, which decode, and one process publishes. Images: 90 epochs of training, without decoding; "
        "300 candidates of a class, by 5 parts; 10 a class for 1,000 steps; 300 views of each",
    )


if __name__ == "__main__":
    main()
