"""Parts that a record describes, as lines of plain torch.

A record is a stranger's: numbers and known names of it are written into a card's script, and nothing else.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from hf_distill.markdown import plain
from hf_distill.parts import Part
from hf_distill.training.optimizers import SGD, Adam, AdamW
from hf_distill.training.schedules import Constant, Cosine, StepDecay

SCHEDULES = (StepDecay, Cosine, Constant)
_FILES = {".csv": "csv", ".tsv": "csv", ".json": "json", ".jsonl": "json", ".parquet": "parquet"}
#: What a description raises that is not as this library writes them.
WRONG = (ArithmeticError, LookupError, TypeError, ValueError, AttributeError)


class Unknown(Exception):
    """The script has no words for it."""


def options_of(described: Mapping[str, Any], *known: type[Part]) -> dict[str, Any]:
    """Return the options of a part, with the defaults of those that are left out."""
    for cls in known:
        if described["class_path"] == cls.__name__:
            return {**cls().config()["init_args"], **described["init_args"]}
    raise Unknown


def number(options: Mapping[str, Any], name: str) -> float:
    """Return an option that is a finite number."""
    value = options[name]
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value) or abs(value) > 1e9:
        raise Unknown
    return value


def whole(options: Mapping[str, Any], name: str, most: float = 1e9) -> int:
    """Return an option that is a whole number, not negative and at most so many."""
    value = number(options, name)
    if value != int(value) or not 0 <= value <= most:
        raise Unknown
    return int(value)


def optimizer_line(described: Mapping[str, Any], rate: float | None) -> str:
    """Return the expression of an optimizer, with another learning rate where one is given."""
    options = options_of(described, SGD, Adam, AdamW)
    if rate is not None:
        options["lr"] = rate
    words = [f"{name}={number(options, name):g}" for name in ("lr", "momentum", "weight_decay") if name in options]
    return f"torch.optim.{described['class_path']}(network.parameters(), {', '.join(words)})"


def schedule_line(described: Mapping[str, Any], total: int) -> str:
    """Return the expression of a schedule over so many epochs or steps, nothing of a constant rate."""
    options = options_of(described, *SCHEDULES)
    if described["class_path"] == "Constant":
        return ""
    if described["class_path"] == "Cosine":
        return f"torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, {total})"
    at, to = math.ceil(number(options, "at") * total), number(options, "to")
    return f"torch.optim.lr_scheduler.MultiStepLR(optimizer, [{at}], gamma={to:g})"


def is_hub_source(source: Mapping[str, Any]) -> bool:
    """Whether the source is a Hub dataset: those alone have a revision."""
    form = r"[\w.-]{1,100}(/[\w.-]{1,100})?"
    return bool(source.get("revision")) and bool(re.fullmatch(form, source.get("path") or ""))


def source_line(source: Mapping[str, Any], split: str) -> tuple[str, str]:
    """Return the line that loads a split of a source as ``test``, and what is to be done to it first."""
    path = source.get("path") or "data"
    if is_hub_source(source):
        return loaded_line(path, name=source.get("name"), split=split, revision=source.get("revision")), ""
    name = PurePosixPath(path).name
    loader = _FILES.get(PurePosixPath(name).suffix.lower())
    said = "put the path of the source in place"
    if loader is not None:
        return loaded_line(loader, data_files=f"path/to/{name}", split=split), said
    return loaded_line(f"path/to/{name}", split=split), said


def loaded_line(path: str, **words: str | None) -> str:
    """Return the line that loads a dataset as ``test``."""
    named = [f"{name}={as_python(word)}" for name, word in words.items() if word]
    return f"test = load_dataset({', '.join([as_python(path), *named])})"


def as_python(value: Any) -> str:
    """Write a value as Python source."""
    return plain(json.dumps(value, ensure_ascii=False)) if isinstance(value, str) else repr(value)
