"""The card's script: the network and the recipe that a set was measured with, as lines of plain torch.

A record is a stranger's: numbers and known names of it are written into the script, and nothing else.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from hf_distill.augment.siamese import OPERATIONS, SiameseAugment
from hf_distill.data.spec import DataSpec
from hf_distill.hub.lines import (
    SCHEDULES,
    WRONG,
    Unknown,
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
from hf_distill.networks.convnet import ConvNet
from hf_distill.networks.mlp import MLP
from hf_distill.networks.text_net import TextNet
from hf_distill.training.recipe import Recipe

# Kinds whose test rows the script reads as the source holds them.
_READABLE = ("image", "frames", "text", "vector", "columns")
_METRICS = {"classes": ("accuracy", "balanced_accuracy"), "values": ("r2",), "labels": ("label_f1",)}
_LOSSES = {"classes": ("CrossEntropy",), "values": ("MeanSquared",), "labels": ("BinaryCrossEntropy",)}
_DEEPEST = 64


@dataclass(frozen=True)
class Script:
    """What the card's template needs to write a training.

    Attributes:
        network: Lines that make it; none where the template has one of its own.
        optimizer: The expression that makes it.
        epochs: Passes over the set.
        batches: Steps of each.
        schedule: The expression that makes it, or nothing.
        each: When the learning rate changes: ``epoch`` or ``step``.
        augment: Options of the augmentation, and ``names``, its operations; none without.
        metric: What is printed.
        row: The row of the evaluation that is measured so; None where the script is another training.
    """

    network: tuple[str, ...] = ()
    optimizer: str = "torch.optim.SGD(network.parameters(), lr=0.01, momentum=0.9)"
    epochs: int = 300
    batches: int = 1
    schedule: str = ""
    each: str = "epoch"
    augment: dict[str, Any] = field(default_factory=dict)
    metric: str = "accuracy"
    row: Mapping[str, Any] | None = None


def script_of(spec: DataSpec, record: Mapping[str, Any]) -> Script:
    """Return the script of a card: by the protocol of the first row that it has the words for, or a plain one."""
    plain = Script(metric=_METRICS[spec.target][0])
    evaluation = record.get("evaluation") or {}
    for row in evaluation.get("rows") or ():
        try:
            return _measured(spec, record["rows"], evaluation["protocol"], row)
        except (Unknown, *WRONG):
            continue
    return plain


def _measured(spec: DataSpec, samples: int, protocol: Mapping[str, Any], row: Mapping[str, Any]) -> Script:
    if spec.kind == "mixed" or row.get("labels", "hard") != "hard" or row["metric"] not in _METRICS[spec.target]:
        raise Unknown
    found = [one for one in protocol["networks"] if one["class_path"] == row["network"]]
    if len(found) != 1:
        raise Unknown
    recipe = upgraded(protocol["recipe"])
    options = options_of(recipe, Recipe)
    if options["loss"]["class_path"] not in _LOSSES[spec.target]:
        raise Unknown
    batches = math.ceil(samples / whole(options, "batch_size"))
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
        network=_network(spec, found[0]),
        optimizer=optimizer_line(options["optimizer"], rate),
        epochs=epochs,
        batches=batches,
        schedule=schedule_line(schedule, epochs if each == "epoch" else epochs * batches),
        each=each,
        augment=_augment(options["augment"]),
        metric=row["metric"],
        row=row,
    )


def _augment(described: Mapping[str, Any] | None) -> dict[str, Any]:
    if described is None:
        return {}
    options = options_of(described, SiameseAugment)
    names = options["strategy"].split("_")
    if not set(names) <= set(OPERATIONS):
        raise Unknown
    numbers = {name: number(options, name) for name in options if name not in ("strategy", "mode")}
    return {"names": names, "all": options["mode"] == "M", **numbers}


def _network(spec: DataSpec, described: Mapping[str, Any]) -> tuple[str, ...]:
    return _NETWORKS[described["class_path"]](spec, options_of(described, ConvNet, MLP, TextNet))


def _conv_net(spec: DataSpec, options: Mapping[str, Any]) -> tuple[str, ...]:
    width, depth, norm = whole(options, "width"), whole(options, "depth", _DEEPEST), options["norm"]
    norms = {"instance": f"nn.GroupNorm({width}, {width}), ", "batch": f"nn.BatchNorm2d({width}), ", "none": ""}
    channels, *sides = spec.shape
    padded = (channels, *sides) == (1, 28, 28)  # as the field does, to 32 pixels
    features = width * math.prod((side + 4 * padded) // 2**depth for side in sides)
    layers = [f"*block({channels}{', 3' if padded else ''})", *[f"*block({width})"] * (depth - 1)]
    argument, padding = (", padding=1", "padding") if padded else ("", "1")
    return (
        f"def block(channels{argument}):",
        f"    return nn.Conv2d(channels, {width}, 3, padding={padding}), {norms[norm]}nn.ReLU(), nn.AvgPool2d(2)",
        "",
        "",
        f"network = nn.Sequential({', '.join(layers)}, nn.Flatten(), nn.Linear({features}, {spec.num_outputs}))",
    )


def _mlp(spec: DataSpec, options: Mapping[str, Any]) -> tuple[str, ...]:
    sizes = [math.prod(spec.shape), *[whole(options, "width")] * whole(options, "depth", _DEEPEST)]
    layers = [f"nn.Linear({before}, {after}), nn.ReLU()" for before, after in itertools.pairwise(sizes)]
    return (f"network = nn.Sequential(nn.Flatten(), {', '.join(layers)}, nn.Linear({sizes[-1]}, {spec.num_outputs}))",)


def _text_net(spec: DataSpec, options: Mapping[str, Any]) -> tuple[str, ...]:
    if options["window"] or options["tokens"] is not None:
        raise Unknown
    width, hidden, dropout = whole(options, "width"), whole(options, "hidden"), number(options, "dropout")
    dropped = f"nn.Dropout({dropout:g}), " if dropout else ""
    return (
        f'words = nn.EmbeddingBag({int(spec.about["tokens"])}, {width}, mode="mean", padding_idx=0)',
        "nn.init.normal_(words.weight, std=0.1)",
        f"head = nn.Linear({width}, {hidden}), nn.ReLU(), nn.Linear({hidden}, {spec.num_outputs})",
        f"network = nn.Sequential(words, {dropped}*head)",
    )


_NETWORKS: dict[str, Callable[[DataSpec, Mapping[str, Any]], tuple[str, ...]]] = {
    "ConvNet": _conv_net,
    "MLP": _mlp,
    "TextNet": _text_net,
}


def readable(spec: DataSpec) -> bool:
    """Whether the script can read test rows as the source holds them."""
    return spec.kind in _READABLE and spec.scale is None and spec.transform is None


def test_rows(spec: DataSpec) -> tuple[list[str], str]:
    """Return the lines that make ``test``, rows to measure on, and what is to be done to them first."""
    source = spec.source
    split = source.get("test_split")
    if not split:
        share = source.get("test_fraction")
        held = f" ({share:.0%} of the source were held out for the table)" if isinstance(share, float) else ""
        said = f"put rows in place that the set was not made from{held}"
        return [loaded_line("path/to/test/rows", split="train")], said
    known = _BUILT_IN.get((source.get("path"), tuple(spec.shape), spec.num_rows, split))
    if known is not None and not is_hub_source(source):
        return known, ""
    line, said = source_line(source, split)
    return [line], said


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
