"""The targets by name. A target is imported when it is first asked for."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib import import_module
from typing import Any

from hf_distill.data.targets.base import Target

#: Every target's class, in the order in which label columns are asked where nobody names one.
TARGETS: dict[str, str] = {
    "classes": "hf_distill.data.targets.classes.ClassTarget",
    "labels": "hf_distill.data.targets.labels.LabelTarget",
    "values": "hf_distill.data.targets.values.ValueTarget",
}


@cache
def target_named(name: str) -> Target:
    """Return the target of a name."""
    module, _, class_name = TARGETS[name].rpartition(".")
    made: Target = getattr(import_module(module), class_name)()
    return made


def target_of(features: Sequence[Any]) -> Target:
    """Return what label columns of some features mean where nobody says."""
    found = (target_named(name) for name in TARGETS)
    return next((target for target in found if target.takes(features)), target_named("classes"))
