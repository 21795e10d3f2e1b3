"""The card's script of a series: DLinear by the recipe that a set was measured with, in plain torch."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hf_distill.data.series_spec import SeriesSpec
from hf_distill.hub.lines import WRONG, Unknown, number, optimizer_line, options_of, schedule_line, source_line, whole
from hf_distill.hub.older import upgraded
from hf_distill.networks.forecasters.dlinear import DLinear
from hf_distill.training.forecast_recipe import ForecastRecipe


@dataclass(frozen=True)
class SeriesScript:
    """What the card's template needs to write a training.

    Attributes:
        kernel: Of DLinear's moving average; 0 where the script has a linear map alone, by a recipe of its own.
        uniform: DLinear starts with equal weights.
        steps: Training steps.
        windows: Windows of a step.
        optimizer: The expression that makes it.
        schedule: The expression that makes it, or nothing.
        row: The row of the evaluation that is measured so.
        test: The line that loads the source as ``test``, where that is one table.
        first: The row at which the look-back of the first test window begins.
        end: The row after the last one.
        stride: From one test window to the next.
        said: What is to be done to ``test`` first.
    """

    kernel: int = 0
    uniform: bool = False
    steps: int = 500
    windows: int = 32
    optimizer: str = "torch.optim.Adam(network.parameters(), lr=0.001)"
    schedule: str = ""
    row: Mapping[str, Any] | None = None
    test: str = ""
    first: int = 0
    end: int = 0
    stride: int = 1
    said: str = ""


def series_script_of(spec: SeriesSpec, record: Mapping[str, Any]) -> SeriesScript:
    """Return the script of a card: DLinear as it was measured, or a plain one."""
    evaluation = record.get("evaluation") or {}
    for row in evaluation.get("rows") or ():
        try:
            return _measured(spec, evaluation["protocol"], row)
        except (Unknown, *WRONG):
            continue
    return SeriesScript()


def _measured(spec: SeriesSpec, protocol: Mapping[str, Any], row: Mapping[str, Any]) -> SeriesScript:
    found = [one for one in protocol["networks"] if one["class_path"] == row["network"] == "DLinear"]
    if len(found) != 1 or row["metric"] != "mse" or row.get("recipes") or row.get("learned_rate") is not None:
        raise Unknown
    network, recipe = options_of(found[0], DLinear), options_of(upgraded(protocol["recipe"]), ForecastRecipe)
    steps, schedule = whole(protocol["steps"], "distilled"), recipe["schedule"]
    if network["individual"] or recipe["loss"]["class_path"] != "MeanSquared":
        raise Unknown
    if schedule["class_path"] != "Constant" and schedule["init_args"]["each"] != "step":
        raise Unknown
    begin, end = (whole({"row": value}, "row") for value in protocol["test_rows"])
    line, said = source_line(spec.source, spec.source.get("split") or "train")
    return SeriesScript(
        kernel=whole(network, "kernel"),
        uniform=bool(network["uniform"]),
        steps=steps,
        windows=max(1, whole(protocol, "windows_a_step")),
        optimizer=optimizer_line(recipe["optimizer"], None),
        schedule=schedule_line(schedule, steps),
        row=row,
        test=line,
        first=begin - spec.lookback,
        end=end,
        stride=max(1, math.floor(number(protocol, "test_stride"))),
        said=said,
    )
