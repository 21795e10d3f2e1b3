"""The targets by name. A target is imported when it is first asked for."""

from __future__ import annotations

from functools import cache
from importlib import import_module

from hf_distill.data.targets.base import Target

#: Every target's class.
TARGETS: dict[str, str] = {
    "classes": "hf_distill.data.targets.classes.ClassTarget",
}


@cache
def target_named(name: str) -> Target:
    """Return the target of a name."""
    module, _, class_name = TARGETS[name].rpartition(".")
    made: Target = getattr(import_module(module), class_name)()
    return made
