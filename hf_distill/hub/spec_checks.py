"""What the record must say of the data that a set was made from; needs neither torch nor datasets."""

from __future__ import annotations

import datetime
import math
from typing import Any

from hf_distill.hub.checks import (
    Wrong,
    anything,
    different,
    fields,
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
from hf_distill.hub.feature_checks import (
    MOST_ROWS,
    MOST_VALUES,
    NUMBERS,
    TRANSFORM,
    feature,
    nested_feature,
    number_or_flag,
    value_feature,
)
from hf_distill.hub.kind_checks import KIND_CHECKS, TARGET_CHECKS, label_columns, sample_tasks

SERIES = "time-series-forecasting"
#: The task of whole rows, which are for nothing in particular.
ROWS = "whole-rows"
#: Names of a column of weights: the first one that the source has not.
WEIGHT_COLUMNS = ("weight", "sample_weight", "weight_")
#: The same of class probabilities.
SOFT_COLUMNS = ("soft_label", "class_probabilities", "soft_label_")
_name = matching(r"(?s).+", "a name")
_source = fields(
    {},
    {
        **{key: optional(text) for key in ("path", "name", "revision", "split", "test_split", "fingerprint")},
        "license": lambda value, place: (listing(text) if isinstance(value, list) else optional(text))(value, place),
    },
    more=True,
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
    tasks = (*sample_tasks(), SERIES, ROWS)
    text(spec.get("task"), "spec.task")
    if spec["task"] not in tasks:
        raise Wrong(
            f"there is no format for the task {said(spec['task'])}, only for {', '.join(tasks)}: "
            "pip install -U hf-distill"
        )
    {SERIES: _check_series, ROWS: _check_rows}.get(spec["task"], _check_samples)(spec, record)


def _statistics(spec: dict[str, Any], count: int) -> None:
    listing(number(), count)(spec.get("mean"), "spec.mean")
    listing(number(1e-30), count)(spec.get("std"), "spec.std")


def _check_samples(spec: dict[str, Any], record: dict[str, Any]) -> None:
    topic, _, suffix = spec["task"].partition("-")
    kinds = [name for name, kind in KIND_CHECKS.items() if kind.topic == topic]
    targets = [name for name, target in TARGET_CHECKS.items() if target.suffix == suffix]
    one_of(*kinds)(spec.get("kind", kinds[0]), "spec.kind")
    one_of(*targets)(spec.get("target", "classes"), "spec.target")
    kind, target = KIND_CHECKS[spec.get("kind", kinds[0])], TARGET_CHECKS[spec.get("target", "classes")]
    fields(
        {
            "task": text,
            "input_column": _name,
            "label_column": _name,
            "shape": kind.shape,
            "classes": target.classes,
            "mean": anything,
            "std": anything,
            "features": mapping(feature),
        },
        {
            "label_values": optional(listing(anything)),
            "source": _source,
            "num_rows": whole(0, MOST_ROWS),
            "class_counts": listing(whole(0, MOST_ROWS)),
            "transform": optional(TRANSFORM),
            "scale": optional(listing(number(), 2)),
            "columns": optional(different(_name)),
            "kind": text,
            "target": text,
            "about": anything,
            "target_about": anything,
        },
    )(spec, "spec")
    kind.about(spec.get("about", {}), "spec.about")
    target.about(spec.get("target_about", {}), "spec.target_about")
    if math.prod(spec["shape"]) > MOST_VALUES:
        refuse(spec["shape"], "spec.shape", f"{MOST_VALUES:,} values at most")
    _statistics(spec, kind.statistics(spec))
    labels = label_columns(spec)
    inputs = {spec["input_column"], *((spec.get("columns") or ()) if kind.several else ())}
    names = {*inputs, *labels}
    known = len(names) == len(inputs) + len(labels) and set(spec["features"]) == names
    if not known or spec["label_column"] not in labels:
        refuse(spec["features"], "spec.features", "the types of the input and the label column")
    free = {
        key: one_of(*(name for name in columns if name not in names))
        for key, columns in (("weight", WEIGHT_COLUMNS), ("soft", SOFT_COLUMNS))
    }
    fields({}, free, more=True)(record.get("layout", {}), "layout")
    kind.inputs(spec)
    target.labels(spec)


def _check_rows(spec: dict[str, Any], record: dict[str, Any]) -> None:
    fields(
        {"task": text, "shape": listing(one_of(0), 1), "features": mapping(nested_feature), "row_bits": whole()},
        {"source": _source, "num_rows": whole(0, MOST_ROWS)},
    )(spec, "spec")
    free = [name for name in WEIGHT_COLUMNS if name not in spec["features"]]
    fields({}, {"weight": one_of(*free)}, more=True)(record.get("layout", {}), "layout")


def _check_series(spec: dict[str, Any], record: dict[str, Any]) -> None:
    steps = whole(1, 10**9)
    fields(
        {
            "task": text,
            "channels": different(_name, least=1),
            "mean": anything,
            "std": anything,
            "features": mapping(value_feature),
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
        number_or_flag(spec["features"][name]["dtype"], f"spec.features.{name}.dtype")
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
    matching(rf"{NUMBERS}|(large_)?string|date.*|timestamp.*", "numbers, text or dates")(kind, "spec.features.TIME")
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
