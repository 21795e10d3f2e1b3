"""What cannot be published is refused before the work."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from datasets import Features, LargeList, List, Value

from hf_distill.errors import UserError
from hf_distill.hub.rehearsal import rehearse
from tests.hub.conftest import image_spec, vector_spec
from tests.hub.test_series_format import SPECS as SERIES

VECTORS = vector_spec()


def labelled(kind: Any, *values: Any) -> Any:
    features = Features({"label": kind, "features": List(Value("float32"))}).to_dict()
    return replace(VECTORS, features=features, label_values=values, classes=tuple(map(str, values)))


def listed(kind: Any) -> Any:
    return replace(VECTORS, features=Features({"label": Value("string"), "features": kind}).to_dict())


GOOD = {
    "grey": image_spec(1),
    "colour": image_spec(3, 9),
    "with alpha": image_spec(4),
    "a column": replace(image_spec(1), shape=(1, 300, 1)),
    "a line": replace(image_spec(3), shape=(3, 1, 300)),
    "a pixel": image_spec(1, 1),
    "one value": vector_spec(size=1),
    "long": vector_spec(size=5000),
    "int": vector_spec("int16"),
    "half": vector_spec("float16"),
    "of a length": listed(List(Value("float32"), length=5)),
    "large lists": listed(LargeList(Value("float64"))),
    "numbers": labelled(Value("int64"), 3, 7),
    "truth": labelled(Value("bool"), False, True),
    "one class": image_spec(classes=("only",)),
    "odd names": image_spec(classes=("a\nb", "x" * 10_000, "\x1b[2J|`<b>")),
    **SERIES,
}
BAD = {
    "images with 2 channels": replace(image_spec(1), shape=(2, 6, 6), mean=(0.1, 0.2), std=(1.0, 1.0)),
    "not JSON": labelled(Value("date32"), date(2020, 1, 1), date(2020, 1, 2)),
    "none comes twice": replace(VECTORS, classes=tuple("a" * 2 for _ in range(2))),
    "no Unicode": image_spec(classes=("a", "\ud800")),
    "spec.mean[1] is nan": replace(VECTORS, mean=(0.0, float("nan"), 0.0, 0.0, 0.0)),
    "spec.std[0] is 0": replace(VECTORS, std=(0.0,) * 5),
    "is invalid for input of size 3": replace(VECTORS, mean=(0.0, 0.0, 0.0)),
    "published": replace(VECTORS, features={"label": {"_type": "Value", "dtype": "string"}}),
    "spec.std[2] is -1": replace(SERIES["text"], std=(1.0, 1.0, -1.0)),
}


@pytest.mark.parametrize("kind", GOOD)
def test_what_can_be_published(kind: str) -> None:
    rehearse(GOOD[kind])


@pytest.mark.parametrize("said", BAD)
def test_what_cannot(said: str) -> None:
    with pytest.raises(UserError, match="could not be published") as caught:
        rehearse(BAD[said])
    line = str(caught.value)
    assert line.isprintable() and len(line) < 400
    assert said in line or said in ("not JSON", "none comes twice"), line


def test_thousands_of_classes_take_no_time_and_are_all_looked_at() -> None:
    spec = image_spec(3, 32, tuple(f"class number {place}" for place in range(5000)))
    rehearse(spec)
    start = time.process_time()
    rehearse(spec)
    assert time.process_time() - start < 3
    with pytest.raises(UserError, match="no Unicode"):
        rehearse(image_spec(3, 32, (*spec.classes, "\udfff")))
