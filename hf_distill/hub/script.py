"""The card's script: the network and the recipe that a set was measured with, as lines of plain torch.

A record is a stranger's: numbers and known names of it are written into the script, and nothing else.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from hf_distill.augment.siamese import OPERATIONS as IMAGE_OPERATIONS
from hf_distill.augment.siamese import SiameseAugment
from hf_distill.augment.sounds import OPERATIONS as SOUND_OPERATIONS
from hf_distill.augment.sounds import SoundAugment
from hf_distill.augment.videos import FramesAugment
from hf_distill.data.kinds.mixed import MixedKind
from hf_distill.data.spec import DataSpec
from hf_distill.errors import UserError
from hf_distill.hub.lines import (
    SCHEDULES,
    WRONG,
    Unknown,
    as_python,
    is_hub_source,
    loaded_line,
    number,
    optimizer_line,
    options_of,
    schedule_line,
    source_line,
    whole,
)
from hf_distill.hub.older import upgraded
from hf_distill.hub.script_networks import label_of, network_lines
from hf_distill.parts import Part
from hf_distill.seeding import Streams
from hf_distill.training.losses import KL
from hf_distill.training.recipe import Recipe

# Kinds whose test rows the script reads as the source holds them.
_READABLE = ("image", "frames", "audio", "text", "vector", "signal", "columns")
# The same of columns together: a sound's file may be of any format and length.
_READABLE_TOGETHER = {*_READABLE} - {"audio"}
_AUGMENTS: dict[str, tuple[type[Part], Collection[str]]] = {
    "image": (SiameseAugment, IMAGE_OPERATIONS),
    "frames": (FramesAugment, IMAGE_OPERATIONS),
    "audio": (SoundAugment, SOUND_OPERATIONS),
}
_METRICS = {"classes": ("accuracy", "balanced_accuracy"), "values": ("r2",), "labels": ("label_f1",)}
_LOSSES = {"classes": ("CrossEntropy",), "values": ("MeanSquared",), "labels": ("BinaryCrossEntropy",)}
_SOFT_LOSSES = (KL.__name__,)


@dataclass(frozen=True)
class Script:
    """What the card's template needs to write a training.

    Attributes:
        network: Lines that make it; none where the template has one of its own.
        seed: That of the first network which was measured, whose first weights torch then draws again; or None.
        optimizer: The expression that makes it.
        epochs: Passes over the set.
        batches: Steps of each.
        schedule: The expression that makes it, or nothing.
        each: When the learning rate changes: ``epoch`` or ``step``.
        augment: Options of the augmentation, and ``names``, its operations; none without.
        metric: What is printed.
        row: The row of the evaluation that is measured so; None where the script is another training.
        soft: It trains on the soft labels that the codes hold.
        views: They are those of several views of an image.
        temperature: Of the loss ``KL``; 0 for cross-entropy.
    """

    network: tuple[str, ...] = ()
    seed: int | None = None
    optimizer: str = "torch.optim.SGD(network.parameters(), lr=0.01, momentum=0.9)"
    epochs: int = 300
    batches: int = 1
    schedule: str = ""
    each: str = "epoch"
    augment: dict[str, Any] = field(default_factory=dict)
    metric: str = "accuracy"
    row: Mapping[str, Any] | None = None
    soft: bool = False
    views: bool = False
    temperature: float = 0.0


def script_of(spec: DataSpec, record: Mapping[str, Any]) -> Script:
    """Return the script of a card: by the protocol of the first row that it has the words for, or a plain one."""
    plain = Script(metric=_METRICS[spec.target][0])
    evaluation = record.get("evaluation") or {}
    for row in evaluation.get("rows") or ():
        try:
            return _measured(spec, record, evaluation["protocol"], row)
        except (Unknown, UserError, *WRONG):
            continue
    return plain


def _measured(spec: DataSpec, record: Mapping[str, Any], protocol: Mapping[str, Any], row: Mapping[str, Any]) -> Script:
    labels = row.get("labels", "hard")
    if "whitening" in protocol or labels not in ("hard", "soft") or row["metric"] not in _METRICS[spec.target]:
        raise Unknown
    soft, samples = labels == "soft", record["rows"]
    count = record["codes"]["meta"].get("labels", {}).get("views", {}).get("count", 1) if soft else 1
    if soft and "weight" in (record.get("layout") or {}):
        raise Unknown
    found = [one for one in protocol["networks"] if label_of(one) == row["network"]]
    if len(found) != 1:
        raise Unknown
    recipe = upgraded(protocol["recipe"])
    options = options_of(recipe, Recipe)
    if options["loss"]["class_path"] not in (*_LOSSES[spec.target], *_SOFT_LOSSES * soft):
        raise Unknown
    batches = math.ceil(samples * count / whole(options, "batch_size"))
    epochs = whole(recipe, "epochs")
    if options["steps"] is not None:
        epochs = math.ceil(whole(options, "steps") / batches)
    rate = row.get("learned_rate")
    if chosen := (row.get("recipes") or {}).get("distilled"):
        epochs, rate = math.ceil(whole(chosen, "steps") / batches), chosen["lr"]
    schedule = options["schedule"]
    each = options_of(schedule, *SCHEDULES)["each"]
    if each not in ("epoch", "step"):
        raise Unknown
    return Script(
        network=network_lines(spec, found[0]),
        seed=Streams(whole(protocol, "seed")).seed_for("network") if "seed" in protocol else None,
        optimizer=optimizer_line(options["optimizer"], rate),
        epochs=epochs,
        batches=batches,
        schedule=schedule_line(schedule, epochs if each == "epoch" else epochs * batches),
        each=each,
        augment=_augment(spec, options["augment"]),
        metric=row["metric"],
        row=row,
        soft=soft,
        views=count > 1,
        temperature=number(options_of(options["loss"], KL), "temperature") if _is_kl(options["loss"]) else 0.0,
    )


def _is_kl(described: Mapping[str, Any]) -> bool:
    return bool(described["class_path"] == KL.__name__)


def _augment(spec: DataSpec, described: Mapping[str, Any] | None) -> dict[str, Any]:
    if described is None:
        return {}
    if spec.kind not in _AUGMENTS:
        raise Unknown
    known, operations = _AUGMENTS[spec.kind]
    options = options_of(described, known)
    names = options["strategy"].split("_")
    if not set(names) <= set(operations):
        raise Unknown
    numbers = {name: number(options, name) for name in options if name not in ("strategy", "mode")}
    return {"names": names, "all": options["mode"] == "M", **numbers}


def readable(spec: DataSpec) -> bool:
    """Whether the script can read test rows as the source holds them."""
    if spec.kind == "mixed":
        return all(part.kind in _READABLE_TOGETHER and readable(part) for part in MixedKind.parts(spec))
    return spec.kind in _READABLE and spec.scale is None and spec.transform is None


def test_rows(spec: DataSpec) -> tuple[list[str], str]:
    """Return the lines that make ``test``, rows to measure on, and what is to be done to them first."""
    source = spec.source
    split, share = source.get("test_split"), source.get("test_fraction")
    if not split and isinstance(share, float) and 0 < share < 1:
        return _held_out(spec, share)
    if not split:
        return [loaded_line("path/to/test/rows", split="train")], "put rows in place that the set was not made from"
    known = _BUILT_IN.get((source.get("path"), tuple(spec.shape), spec.num_rows, split))
    if known is not None and not is_hub_source(source):
        return known, ""
    line, said = source_line(source, split)
    return [line], said


def _held_out(spec: DataSpec, share: float) -> tuple[list[str], str]:
    """Return the lines that hold out the rows that :func:`hf_distill.data.preparing.held_out` does."""
    line, said = source_line(spec.source, spec.source.get("split") or "train")
    values = f"test[{as_python(spec.label_column)}][:]" if spec.goal.stratified else "[0] * len(test)"
    return [
        line,
        "# The rows that were held out: a share of every class, drawn at random.",
        f"values = {values}",
        "found = torch.tensor([list(dict.fromkeys(values)).index(value) for value in values])",
        "counts = found.bincount().tolist()",
        f"total = round({share!r} * len(values))",
        "quota = [total * count // len(values) for count in counts]",
        "rest = sorted(range(len(counts)), key=lambda label: quota[label] - total * counts[label] / len(values))",
        "for label in rest[: total - sum(quota)]:",
        "    quota[label] += 1",
        "rows, generator = [], torch.Generator().manual_seed(0)",
        "for label, count in enumerate(quota):",
        "    own = (found == label).nonzero()[:, 0]",
        "    rows += own[torch.randperm(len(own), generator=generator)[:count]].tolist()",
        "test = test.select(sorted(rows))",
    ], said


#: Sources that are no files: scikit-learn's, divided as this library does.
_BUILT_IN: dict[tuple[str | None, tuple[int, ...], int, str], list[str]] = {
    ("digits", (1, 8, 8), 1437, "test"): [
        "from PIL import Image",
        "from sklearn.datasets import load_digits",
        "from sklearn.model_selection import train_test_split",
        "",
        "digits = load_digits()",
        "rows = train_test_split(range(1797), test_size=360, stratify=digits.target, random_state=0)[1]",
        'pictures = [Image.fromarray((digits.images[row] * (255 / 16)).round().astype("uint8")) for row in rows]',
        'test = {"image": pictures, "label": digits.target[rows]}',
    ],
    ("diabetes", (10,), 354, "test"): [
        "from sklearn.datasets import load_diabetes",
        "from sklearn.model_selection import train_test_split",
        "",
        "source = load_diabetes(scaled=False)",
        "rows = train_test_split(range(442), test_size=88, random_state=0)[1]",
        'test = {"measurements": source.data[rows].tolist(), "progression": source.target[rows].tolist()}',
    ],
}
