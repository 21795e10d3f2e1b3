"""The kinds of inputs by name. A kind is imported when it is first asked for."""

from __future__ import annotations

from functools import cache
from importlib import import_module

from hf_distill.data.kinds.base import Kind

#: Every kind's class, in the order in which columns are looked for where nobody names one.
KINDS: dict[str, str] = {
    "image": "hf_distill.data.kinds.image.ImageKind",
    "frames": "hf_distill.data.kinds.frames.FramesKind",
    "audio": "hf_distill.data.kinds.audio.AudioKind",
    "text": "hf_distill.data.kinds.text.TextKind",
    "vector": "hf_distill.data.kinds.vector.VectorKind",
    "signal": "hf_distill.data.kinds.signal.SignalKind",
    "columns": "hf_distill.data.kinds.columns.ColumnsKind",
    "mixed": "hf_distill.data.kinds.mixed.MixedKind",
}


@cache
def kind_named(name: str) -> Kind:
    """Return the kind of a name."""
    module, _, class_name = KINDS[name].rpartition(".")
    made: Kind = getattr(import_module(module), class_name)()
    return made


@cache
def kinds() -> tuple[Kind, ...]:
    """Return all kinds, in their order."""
    return tuple(map(kind_named, KINDS))


@cache
def kind_of_task(task: str) -> str:
    """Return the name of the first kind of a task: records name no kind where it is that one."""
    topic = task.partition("-")[0]
    return next(name for name in KINDS if kind_named(name).topic == topic)
