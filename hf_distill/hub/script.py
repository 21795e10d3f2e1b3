"""The card's script: the network and the recipe that a set was measured with, as lines of plain torch.

A record is a stranger's: numbers and known names of it are written into the script, and nothing else.
"""

from __future__ import annotations

import itertools
import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from hf_distill.augment.siamese import OPERATIONS, SiameseAugment
from hf_distill.data.spec import DataSpec
from hf_distill.hub.older import upgraded
from hf_distill.markdown import plain
from hf_distill.networks.convnet import ConvNet
from hf_distill.networks.mlp import MLP
from hf_distill.networks.text_net import TextNet
from hf_distill.parts import Part
from hf_distill.training.optimizers import SGD, Adam, AdamW
from hf_distill.training.recipe import Recipe
from hf_distill.training.schedules import Constant, Cosine, StepDecay

# Kinds whose test rows the script reads as the source holds them.
_READABLE = ("image", "frames", "text", "vector", "columns")
_METRICS = {"classes": ("accuracy", "balanced_accuracy"), "values": ("r2",), "labels": ("label_f1",)}
_LOSSES = {"classes": ("CrossEntropy",), "values": ("MeanSquared",), "labels": ("BinaryCrossEntropy",)}
_SCHEDULES = (StepDecay, Cosine, Constant)
_DEEPEST = 64
_FILES = {".csv": "csv", ".tsv": "csv", ".json": "json", ".jsonl": "json", ".parquet": "parquet"}


class _Unknown(Exception):
    """The script has no words for it."""


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
        except (_Unknown, ArithmeticError, LookupError, TypeError, ValueError, AttributeError):
            continue
    return plain


def _measured(spec: DataSpec, samples: int, protocol: Mapping[str, Any], row: Mapping[str, Any]) -> Script:
    if spec.kind == "mixed" or row.get("labels", "hard") != "hard" or row["metric"] not in _METRICS[spec.target]:
        raise _Unknown
    found = [one for one in protocol["networks"] if one["class_path"] == row["network"]]
    if len(found) != 1:
        raise _Unknown
    recipe = upgraded(protocol["recipe"])
    options = _options(recipe, Recipe)
    if options["loss"]["class_path"] not in _LOSSES[spec.target]:
        raise _Unknown
    batches = math.ceil(samples / _whole(options, "batch_size"))
    epochs = _whole(recipe, "epochs")
    if options["steps"] is not None:
        epochs = math.ceil(_whole(options, "steps") / batches)
    rate = row.get("learned_rate")
    if chosen := (row.get("recipes") or {}).get("distilled"):
        epochs, rate = math.ceil(_whole(chosen, "steps") / batches), chosen["lr"]
    schedule = options["schedule"]
    each = _options(schedule, *_SCHEDULES)["each"]
    if each not in ("epoch", "step"):
        raise _Unknown
    return Script(
        network=_network(spec, found[0]),
        optimizer=_optimizer(options["optimizer"], rate),
        epochs=epochs,
        batches=batches,
        schedule=_schedule(schedule, epochs if each == "epoch" else epochs * batches),
        each=each,
        augment=_augment(options["augment"]),
        metric=row["metric"],
        row=row,
    )


def _options(described: Mapping[str, Any], *known: type[Part]) -> dict[str, Any]:
    """Return the options of a part, with the defaults of those that are left out."""
    for cls in known:
        if described["class_path"] == cls.__name__:
            return {**cls().config()["init_args"], **described["init_args"]}
    raise _Unknown


def _number(options: Mapping[str, Any], name: str) -> float:
    value = options[name]
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value) or abs(value) > 1e9:
        raise _Unknown
    return value


def _whole(options: Mapping[str, Any], name: str, most: float = 1e9) -> int:
    value = _number(options, name)
    if value != int(value) or not 0 <= value <= most:
        raise _Unknown
    return int(value)


def _optimizer(described: Mapping[str, Any], rate: float | None) -> str:
    options = _options(described, SGD, Adam, AdamW)
    if rate is not None:
        options["lr"] = rate
    words = [f"{name}={_number(options, name):g}" for name in ("lr", "momentum", "weight_decay") if name in options]
    return f"torch.optim.{described['class_path']}(network.parameters(), {', '.join(words)})"


def _schedule(described: Mapping[str, Any], total: int) -> str:
    options = _options(described, *_SCHEDULES)
    if described["class_path"] == "Constant":
        return ""
    if described["class_path"] == "Cosine":
        return f"torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, {total})"
    at, to = math.ceil(_number(options, "at") * total), _number(options, "to")
    return f"torch.optim.lr_scheduler.MultiStepLR(optimizer, [{at}], gamma={to:g})"


def _augment(described: Mapping[str, Any] | None) -> dict[str, Any]:
    if described is None:
        return {}
    options = _options(described, SiameseAugment)
    names = options["strategy"].split("_")
    if not set(names) <= set(OPERATIONS):
        raise _Unknown
    numbers = {name: _number(options, name) for name in options if name not in ("strategy", "mode")}
    return {"names": names, "all": options["mode"] == "M", **numbers}


def _network(spec: DataSpec, described: Mapping[str, Any]) -> tuple[str, ...]:
    return _NETWORKS[described["class_path"]](spec, _options(described, ConvNet, MLP, TextNet))


def _conv_net(spec: DataSpec, options: Mapping[str, Any]) -> tuple[str, ...]:
    width, depth, norm = _whole(options, "width"), _whole(options, "depth", _DEEPEST), options["norm"]
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
    sizes = [math.prod(spec.shape), *[_whole(options, "width")] * _whole(options, "depth", _DEEPEST)]
    layers = [f"nn.Linear({before}, {after}), nn.ReLU()" for before, after in itertools.pairwise(sizes)]
    return (f"network = nn.Sequential(nn.Flatten(), {', '.join(layers)}, nn.Linear({sizes[-1]}, {spec.num_outputs}))",)


def _text_net(spec: DataSpec, options: Mapping[str, Any]) -> tuple[str, ...]:
    if options["window"] or options["tokens"] is not None:
        raise _Unknown
    width, hidden, dropout = _whole(options, "width"), _whole(options, "hidden"), _number(options, "dropout")
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


def is_hub_source(source: Mapping[str, Any]) -> bool:
    """Whether the source is a Hub dataset: those alone have a revision."""
    form = r"[\w.-]{1,100}(/[\w.-]{1,100})?"
    return bool(source.get("revision")) and bool(re.fullmatch(form, source.get("path") or ""))


def readable(spec: DataSpec) -> bool:
    """Whether the script can read test rows as the source holds them."""
    return spec.kind in _READABLE and spec.scale is None and spec.transform is None


def test_rows(spec: DataSpec, on_hub: bool) -> tuple[list[str], str]:
    """Return the lines that make ``test``, rows to measure on, and what is to be done to them first.

    Args:
        spec: What the samples are.
        on_hub: Their source is a Hub dataset.
    """
    source = spec.source
    split, path = source.get("test_split"), source.get("path") or "data"
    if not split:
        share = source.get("test_fraction")
        held = f"{share:.0%} of the source were held out for the table" if isinstance(share, float) else ""
        said = f"put rows in place that the set was not made from{' (' if held else ''}{held}{')' if held else ''}"
        return _loaded("path/to/test/rows", split="train"), said
    if on_hub:
        return _loaded(path, name=source.get("name"), split=split, revision=source.get("revision")), ""
    if (path, tuple(spec.shape), spec.num_rows, split) in _BUILT_IN:
        return _BUILT_IN[path, tuple(spec.shape), spec.num_rows, split], ""
    name = PurePosixPath(path).name
    loader = _FILES.get(PurePosixPath(name).suffix.lower())
    said = "put the path of the source in place"
    if loader is not None:
        return _loaded(loader, data_files=f"path/to/{name}", split=split), said
    return _loaded(f"path/to/{name}", split=split), said


def _loaded(path: str, **words: str | None) -> list[str]:
    named = [f"{name}={as_python(word)}" for name, word in words.items() if word]
    return [f"test = load_dataset({', '.join([as_python(path), *named])})"]


#: Sources that are no files: scikit-learn's, divided as this library does.
_BUILT_IN: dict[tuple[str, tuple[int, ...], int, str], list[str]] = {
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


def as_python(value: Any) -> str:
    """Write a value as Python source."""
    return plain(json.dumps(value, ensure_ascii=False)) if isinstance(value, str) else repr(value)
