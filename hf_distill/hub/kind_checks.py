"""What a record must say of each kind of inputs and of each target; needs neither torch nor datasets."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hf_distill.hub.checks import (
    Check,
    anything,
    different,
    fields,
    flag,
    listing,
    matching,
    number,
    one_of,
    optional,
    refuse,
    text,
    whole,
)
from hf_distill.hub.feature_checks import (
    ID,
    MOST_RATE,
    MOST_VALUES,
    TRANSFORM,
    audio_feature,
    image_feature,
    list_of,
    number_or_flag,
    value_feature,
)

_size = whole(1, MOST_VALUES)
_nothing = fields({})
_columns_about = fields(
    {
        "columns": listing(
            fields(
                {"name": text, "dtype": matching(r"class|string|bool|(u?int|float)(8|16|32|64)", "a type of cells")},
                {"values": listing(anything)},
            )
        )
    }
)
_signal_about = fields({"time_axis": one_of("first", "last"), "nested": flag})
_text_about = fields({"tokenizer": text, "tokens": whole(1, 2**24), "mean_bytes": number(0)})
_mixed_about = fields(
    {
        "parts": listing(
            fields(
                {
                    "kind": lambda value, place: one_of(*(name for name in KIND_CHECKS if name != "mixed"))(
                        value, place
                    ),
                    "input_column": text,
                    "shape": listing(_size, least=1),
                },
                {
                    "about": anything,
                    "columns": different(text, least=1),
                    "scale": optional(listing(number(), 2)),
                    "transform": TRANSFORM,
                },
            ),
            least=1,
        )
    }
)
_columns = fields({}, {"columns": different(text, least=2)})
_value_columns = fields({"columns": different(text, least=1), "mean": listing(number()), "std": listing(number())})


def _check_image(spec: dict[str, Any]) -> None:
    one_of(1, 3, 4)(spec["shape"][0], "spec.shape[0]")
    image_feature(spec["features"][spec["input_column"]], "spec.features.INPUT")


def _check_vector(spec: dict[str, Any]) -> None:
    inputs = spec["features"][spec["input_column"]]
    list_of(fields({"dtype": number_or_flag, "_type": one_of("Value")}, ID))(inputs, "spec.features.INPUT")
    one_of(-1, spec["shape"][0])(inputs.get("length", -1), "spec.features.length")


def _check_signal(spec: dict[str, Any]) -> None:
    number = fields({"dtype": number_or_flag, "_type": one_of("Value")}, ID)
    (list_of(list_of(number)) if spec["about"]["nested"] else list_of(number))(
        spec["features"][spec["input_column"]], "spec.features.INPUT"
    )
    if not spec["about"]["nested"]:
        one_of([1, spec["shape"][1]])(list(spec["shape"]), "spec.shape")


def _check_columns(spec: dict[str, Any]) -> None:
    about, names = spec["about"]["columns"], list(spec.get("columns") or ())
    if [part["name"] for part in about] != names or spec["input_column"] != next(iter(names), None):
        refuse(names, "spec.columns", "the names in spec.about.columns, the first one the input column")
    width = 0
    for part in about:
        feature, values = spec["features"].get(part["name"]), part.get("values")
        place = f"spec.features.{part['name']}"
        if part["dtype"] == "class":
            fields({"names": listing(text), "_type": one_of("ClassLabel")}, ID)(feature, place)
            one_of(list(range(len(feature["names"]))))(values, "spec.about.columns.values")
        else:
            value_feature(feature, place)
            kind = feature["dtype"]
            if part["dtype"] == "string":
                matching("(large_)?string", "string")(kind, place)
                different(optional(text), least=1)(values, "spec.about.columns.values")
            else:
                one_of(kind)({"float32": "float32", "float64": "float64"}.get(part["dtype"], part["dtype"]), place)
                one_of(None)(values, "spec.about.columns.values")
        width += 1 if values is None else len(values)
    one_of([width])(list(spec["shape"]), "spec.shape")


def _check_mixed(spec: dict[str, Any]) -> None:
    """Check every part as a specification of its own, and that together they are all of it."""
    names: list[str] = []
    values = statistics = 0
    for place, about in enumerate(spec["about"]["parts"]):
        kind = KIND_CHECKS[about["kind"]]
        where = f"spec.about.parts[{place}]"
        own = {**spec, "about": about.get("about", {}), "columns": about.get("columns", []), **about}
        kind.shape(own["shape"], f"{where}.shape")
        kind.about(own["about"], f"{where}.about")
        names += own["columns"] if kind.several else [own["input_column"]]
        if not set(names) <= spec["features"].keys():
            refuse(names, where, "columns of spec.features")
        kind.inputs(own)
        values += math.prod(own["shape"])
        statistics += kind.statistics(own)
    if list(spec.get("columns") or ()) != names or spec["input_column"] != names[0]:
        refuse(spec.get("columns"), "spec.columns", f"{names}, the columns of all parts")
    one_of([values])(list(spec["shape"]), "spec.shape")
    if len(spec["mean"]) != statistics:
        refuse(len(spec["mean"]), "the length of spec.mean", f"{statistics}")


def _check_text(spec: dict[str, Any]) -> None:
    inputs = spec["features"][spec["input_column"]]
    fields({"dtype": matching("(large_)?string", "string"), "_type": one_of("Value")}, ID)(
        inputs, "spec.features.INPUT"
    )


def _check_labels(spec: dict[str, Any]) -> None:
    """Check that the label column can hold the classes."""
    feature, values, classes = spec["features"][spec["label_column"]], spec.get("label_values"), spec["classes"]
    if feature["_type"] == "ClassLabel":
        if list(feature["names"]) != list(classes):
            refuse(feature["names"], "spec.features.LABEL.names", "the classes")
        if values is not None:
            refuse(values, "spec.label_values", "null, since the label column has the classes' names")
        return
    value_feature(feature, "spec.features.LABEL")
    kind = feature["dtype"]
    if values is None:
        matching(r"u?int(8|16|32|64)", "a type of whole numbers, or spec.label_values")(kind, "spec.features.LABEL")
        return
    inner = text if "string" in kind else flag if kind == "bool" else number() if "float" in kind else whole(-(2**63))
    different(inner, len(classes))(values, "spec.label_values")


def _check_frames(spec: dict[str, Any]) -> None:
    one_of(1, 3, 4)(spec["shape"][1], "spec.shape[1]")
    list_of(image_feature)(spec["features"][spec["input_column"]], "spec.features.INPUT")


def _check_audio(spec: dict[str, Any]) -> None:
    inputs = spec["features"][spec["input_column"]]
    audio_feature(inputs, "spec.features.INPUT")
    one_of(spec["about"]["sampling_rate"])(inputs.get("sampling_rate"), "spec.features.INPUT.sampling_rate")


def label_columns(spec: dict[str, Any]) -> list[str]:
    """Return the columns of a target whose ``target_about`` has been checked."""
    return list(spec.get("target_about", {}).get("columns") or [spec["label_column"]])


def outputs_and_groups(spec: dict[str, Any]) -> tuple[int, int]:
    """Return how many outputs a target has and by how many groups samples are divided; 0 of a series."""
    classes = len(spec.get("classes", ()))
    if spec.get("target", "classes") == "classes":
        return classes, classes
    return classes or len(label_columns(spec)), 1


def _check_several(spec: dict[str, Any]) -> None:
    """Check that the label columns can hold several labels a row."""
    columns, classes, values = label_columns(spec), spec["classes"], spec.get("label_values")
    if len(columns) > 1:
        if columns != list(classes):
            refuse(columns, "spec.target_about.columns", "the labels")
        for name in columns:
            value_feature(spec["features"][name], f"spec.features.{name}")
            number_or_flag(spec["features"][name]["dtype"], f"spec.features.{name}.dtype")
        return
    column = spec["features"][spec["label_column"]]
    list_of(anything)(column, "spec.features.LABEL")
    inner = column["feature"]
    if inner.get("_type") == "ClassLabel":
        if list(inner["names"]) != list(classes) or values is not None:
            refuse(inner["names"], "spec.features.LABEL.feature.names", "the labels")
        return
    value_feature(inner, "spec.features.LABEL.feature")
    different(text if "string" in inner["dtype"] else whole(-(2**63)), len(classes))(values, "spec.label_values")


def _check_values(spec: dict[str, Any]) -> None:
    """Check that the label columns can hold real numbers."""
    columns, about = label_columns(spec), spec["target_about"]
    listing(number(), len(columns))(about["mean"], "spec.target_about.mean")
    listing(number(1e-30), len(columns))(about["std"], "spec.target_about.std")
    for name in columns:
        value_feature(spec["features"][name], f"spec.features.{name}")
        number_or_flag(spec["features"][name]["dtype"], f"spec.features.{name}.dtype")


@dataclass(frozen=True)
class KindCheck:
    """What a record must say of a kind of inputs.

    Attributes:
        topic: The first word of its tasks.
        shape: Check of ``spec.shape``.
        inputs: Check of all else that is the kind's own, the type of the input column first.
        about: Check of ``spec.about``.
        statistics: How many means and deviations there are.
        several: An input is all of ``spec.columns``, each of which is published.
    """

    topic: str
    shape: Check
    inputs: Callable[[dict[str, Any]], None]
    about: Check = _nothing
    statistics: Callable[[dict[str, Any]], int] = lambda spec: spec["shape"][0]
    several: bool = False


@dataclass(frozen=True)
class TargetCheck:
    """What a record must say of a target.

    Attributes:
        suffix: The second word of its tasks.
        classes: Check of ``spec.classes``.
        labels: Check of the label column and of all else that is the target's own.
        about: Check of ``spec.target_about``.
    """

    suffix: str
    classes: Check
    labels: Callable[[dict[str, Any]], None]
    about: Check = _nothing


#: The kinds of inputs, the first one of a topic being that of records that name none.
KIND_CHECKS: dict[str, KindCheck] = {
    "image": KindCheck("image", listing(_size, 3), _check_image),
    "frames": KindCheck("video", listing(_size, 4), _check_frames, statistics=lambda spec: spec["shape"][1]),
    "audio": KindCheck(
        "audio",
        listing(_size, 1),
        _check_audio,
        about=fields({"sampling_rate": whole(1, MOST_RATE)}),
        statistics=lambda spec: 1,
    ),
    "text": KindCheck("text", listing(whole(1, 8192), 1), _check_text, _text_about, statistics=lambda spec: 1),
    "vector": KindCheck("tabular", listing(_size, 1), _check_vector),
    "signal": KindCheck("tabular", listing(_size, 2), _check_signal, _signal_about),
    "columns": KindCheck("tabular", listing(_size, 1), _check_columns, _columns_about, several=True),
    "mixed": KindCheck(
        "multimodal",
        listing(_size, 1),
        _check_mixed,
        _mixed_about,
        statistics=lambda spec: len(spec.get("mean") or ()),
        several=True,
    ),
}
#: The targets.
TARGET_CHECKS: dict[str, TargetCheck] = {
    "classes": TargetCheck("classification", different(text, least=1), _check_labels),
    "labels": TargetCheck("classification", different(text, least=1), _check_several, _columns),
    "values": TargetCheck("regression", listing(text, 0), _check_values, _value_columns),
}


def sample_tasks() -> tuple[str, ...]:
    """Return the tasks of sets of samples: those of every kind with every target."""
    found = [f"{kind.topic}-{target.suffix}" for target in TARGET_CHECKS.values() for kind in KIND_CHECKS.values()]
    return tuple(dict.fromkeys(found))
