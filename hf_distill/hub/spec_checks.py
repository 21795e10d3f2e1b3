"""What the record must say of the data that a set was made from; needs neither torch nor datasets."""

from __future__ import annotations

import datetime
import math
from typing import Any

from hf_distill.hub.checks import (
    Check,
    Wrong,
    anything,
    different,
    fields,
    flag,
    listing,
    mapping,
    matching,
    number,
    one_of,
    optional,
    refuse,
    said,
    text,
    whole,
)

#: Values of one sample that there can be, and rows of a set.
_MOST_VALUES, MOST_ROWS = 2**31, 2**40
_IMAGES, _VECTORS, SERIES = "image-classification", "tabular-classification", "time-series-forecasting"
#: Names of a column of weights: the first one that the source has not.
WEIGHT_COLUMNS = ("weight", "sample_weight", "weight_")
_NUMBERS = r"(u?int(8|16|32|64)|float(16|32|64)?|double)"
_ZONE = r"(, tz=[\w/+:\-]{1,40})?"
_PLAIN = (
    rf"{_NUMBERS}|bool|(large_)?string|(large_)?binary|date(32|64)|timestamp\[(s|ms|us|ns){_ZONE}\]|time32\[m?s\]"
    r"|time64\[[un]s\]|duration\[(s|ms|us|ns)\]"
)
_number_type = matching(_NUMBERS, "the type of a number, float32 say")
_number_or_flag = matching(rf"{_NUMBERS}|bool", "the type of a number, float32 say")
_plain_type = matching(_PLAIN, "a plain type of datasets, float32 or string say")
_id = {"id": optional(text)}
_value = fields({"dtype": _plain_type, "_type": one_of("Value")}, _id)
_class_label = fields(
    {"names": different(text, least=1), "_type": one_of("ClassLabel")}, {**_id, "num_classes": whole()}
)
_image = fields(
    {"_type": one_of("Image")},
    {**_id, "mode": optional(matching("[A-Za-z0-9;]{1,8}", "a mode of Pillow")), "decode": flag},
)
_size = whole(1, _MOST_VALUES)
_name = matching(r"(?s).+", "a name")
_source = fields(
    {},
    {
        **{key: optional(text) for key in ("path", "name", "revision", "split", "test_split", "fingerprint")},
        "license": lambda value, place: (listing(text) if isinstance(value, list) else optional(text))(value, place),
    },
    more=True,
)
_transform = fields(
    {
        "init_args": fields(
            {
                "entries": optional(different(whole(), least=1)),
                "stride": whole(1),
                "decibel": flag,
                "reference": one_of("none", "maximum", "mean"),
                "scale": number(1e-30),
            },
            more=True,
        )
    },
    {"class_path": text},
)


def check_spec(spec: Any, record: dict[str, Any]) -> None:
    """Refuse a specification that is none.

    Args:
        spec: The record's ``spec``.
        record: All of it, unchecked.

    Raises:
        Wrong: It is none; the message names the first place.
    """
    if not isinstance(spec, dict):
        refuse(spec, "spec", "a dictionary")
    tasks = {_IMAGES: _check_classes, _VECTORS: _check_classes, SERIES: _check_series}
    text(spec.get("task"), "spec.task")
    if spec["task"] not in tasks:
        raise Wrong(
            f"there is no format for the task {said(spec['task'])}, only for {', '.join(tasks)}: "
            "pip install -U hf-distill"
        )
    tasks[spec["task"]](spec, record)


def feature(value: Any, place: str) -> None:
    """Check a column's type as ``datasets.Features.to_dict`` describes it."""
    if not isinstance(value, dict):
        refuse(value, place, "a feature")
    kinds: dict[str, Check] = {"Value": _value, "ClassLabel": _class_label, "Image": _image}
    if value.get("_type") in ("List", "LargeList", "Sequence"):
        _list(feature)(value, place)
    else:
        one_of(*kinds, "List")(value.get("_type"), f"{place}._type")
        kinds[value["_type"]](value, place)


def _list(inner: Check) -> Check:
    kinds = one_of("List", "LargeList", "Sequence")
    return fields({"feature": inner, "_type": kinds}, {**_id, "length": whole(-1, _MOST_VALUES)})


def _statistics(spec: dict[str, Any], count: int) -> None:
    listing(number(), count)(spec.get("mean"), "spec.mean")
    listing(number(1e-30), count)(spec.get("std"), "spec.std")


def _check_classes(spec: dict[str, Any], record: dict[str, Any]) -> None:
    image = spec["task"] == _IMAGES
    shape = listing(_size, 3 if image else 1)
    fields(
        {
            "task": text,
            "input_column": _name,
            "label_column": _name,
            "shape": shape,
            "classes": different(text, least=1),
            "mean": anything,
            "std": anything,
            "features": mapping(feature),
        },
        {
            "label_values": optional(listing(anything)),
            "source": _source,
            "num_rows": whole(0, MOST_ROWS),
            "class_counts": listing(whole(0, MOST_ROWS)),
            "transform": optional(_transform),
            "scale": optional(listing(number(), 2)),
            "columns": optional(different(_name)),
        },
    )(spec, "spec")
    if image:
        one_of(1, 3, 4)(spec["shape"][0], "spec.shape[0]")
    if math.prod(spec["shape"]) > _MOST_VALUES:
        refuse(spec["shape"], "spec.shape", f"{_MOST_VALUES:,} values at most")
    _statistics(spec, spec["shape"][0])
    names = {spec["input_column"], spec["label_column"]}
    if len(names) < 2 or set(spec["features"]) != names:
        refuse(spec["features"], "spec.features", "the types of the input and the label column")
    free = [name for name in WEIGHT_COLUMNS if name not in names]
    fields({}, {"weight": one_of(*free)}, more=True)(record.get("layout", {}), "layout")
    vector = _list(fields({"dtype": _number_or_flag, "_type": one_of("Value")}, _id))
    (_image if image else vector)(spec["features"][spec["input_column"]], "spec.features.INPUT")
    if not image:
        one_of(-1, spec["shape"][0])(spec["features"][spec["input_column"]].get("length", -1), "spec.features.length")
    _check_labels(spec)


def _check_labels(spec: dict[str, Any]) -> None:
    """Check that the label column can hold the classes."""
    feature, values, classes = spec["features"][spec["label_column"]], spec.get("label_values"), spec["classes"]
    if feature["_type"] == "ClassLabel":
        if list(feature["names"]) != list(classes):
            refuse(feature["names"], "spec.features.LABEL.names", "the classes")
        if values is not None:
            refuse(values, "spec.label_values", "null, since the label column has the classes' names")
        return
    _value(feature, "spec.features.LABEL")
    kind = feature["dtype"]
    if values is None:
        matching(r"u?int(8|16|32|64)", "a type of whole numbers, or spec.label_values")(kind, "spec.features.LABEL")
        return
    inner = text if "string" in kind else flag if kind == "bool" else number() if "float" in kind else whole(-(2**63))
    different(inner, len(classes))(values, "spec.label_values")


def _check_series(spec: dict[str, Any], record: dict[str, Any]) -> None:
    steps = whole(1, 10**9)
    fields(
        {
            "task": text,
            "channels": different(_name, least=1),
            "mean": anything,
            "std": anything,
            "features": mapping(_value),
        },
        {
            "lookback": steps,
            "horizon": steps,
            "borders": listing(whole(0, MOST_ROWS), 3),
            "time_column": optional(_name),
            "time_format": optional(
                matching(r"(%[YymdHMSIpfbBajGVuq]|UTC|GMT|[-/.,: TWZQ+0]){1,60}", "a date's format")
            ),
            "start": anything,
            "step": anything,
            "frequency": optional(matching(r"months=[1-9]\d{0,4}|\d{0,3}[A-Z]{1,3}(-[A-Z]{3})?", "a frequency")),
            "source": _source,
            "num_rows": whole(0, MOST_ROWS),
        },
    )(spec, "spec")
    channels, time = spec["channels"], spec.get("time_column")
    _statistics(spec, len(channels))
    if sorted(spec.get("borders", ())) != list(spec.get("borders", ())):
        refuse(spec["borders"], "spec.borders", "in their order")
    if set(spec["features"]) != {*channels, *([] if time is None else [time])} or time in channels:
        refuse(spec["features"], "spec.features", "the types of the channels and the time column")
    for name in channels:
        _number_or_flag(spec["features"][name]["dtype"], f"spec.features.{name}.dtype")
    rows: Any = record.get("rows")
    whole(1, MOST_ROWS)(rows, "rows")
    fields({"series": whole(1, rows)}, more=True)(record.get("layout"), "layout")
    series = record["layout"]["series"]
    if rows % series:
        refuse(series, "layout.series", f"a number that divides the {rows} rows")
    if time is not None:
        _check_time(spec, spec["features"][time]["dtype"], rows)


def _check_time(spec: dict[str, Any], kind: str, rows: int) -> None:
    """Check that the time column of a synthetic series can be written: it counts on from the source's first row."""
    matching(rf"{_NUMBERS}|(large_)?string|date.*|timestamp.*", "numbers, text or dates")(kind, "spec.features.TIME")
    start: Any = spec.get("start")
    step: Any = spec.get("step")
    if not kind.startswith(("string", "large_string", "date", "timestamp")):
        number(-(2.0**62), 2.0**62)(start, "spec.start")
        number(0, 2.0**62 / rows)(step, "spec.step")
        return
    text(start, "spec.start")
    try:
        first = datetime.datetime.fromisoformat(start)
        number(0, 1e12)(step, "spec.step")
        first + rows * datetime.timedelta(seconds=step)
    except (ValueError, OverflowError) as error:
        raise Wrong(f"spec.start {said(start)} and spec.step {said(step)} make times that there are none of") from error
    if "string" in kind:
        text(spec.get("time_format"), "spec.time_format")
