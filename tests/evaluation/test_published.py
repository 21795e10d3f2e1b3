"""Data that a set was not made from is refused, or said, before its numbers are read in another way."""

from __future__ import annotations

import warnings
from dataclasses import replace

import pytest
from datasets import ClassLabel, Dataset, Features, Value

from hf_distill.data.real import RealData
from hf_distill.errors import UserError
from hf_distill.evaluation.published import check_match

LABEL = ClassLabel(names=["no", "yes"])
TEXTS = ["a good film", "a bad film", "no plot at all", "what a play"] * 5
KINDS = ["u", "v", "u", "v"] * 5
LABELS = [1, 0, 0, 1] * 5


def spec_of(rows: int, **columns):
    features = Features({name: Value("string") for name in columns} | {"size": Value("float32"), "label": LABEL})
    values = {name: own[:rows] for name, own in columns.items()}
    numbers = {"size": [float(place) for place in range(rows)], "label": LABELS[:rows]}
    # The first columns of text alone make a set of texts; with a number beside them, of columns.
    if "text" in columns:
        del features["size"], numbers["size"]
    return RealData.from_dataset(Dataset.from_dict(values | numbers, features=features)).setup().spec


@pytest.mark.parametrize(
    ("made", "other"),
    [
        (spec_of(20, text=TEXTS), spec_of(20, text=[text.replace("film", "book") for text in TEXTS])),
        (spec_of(20, kind=KINDS), spec_of(20, kind=[kind.replace("v", "w") for kind in KINDS])),
    ],
    ids=["texts", "columns"],
)
def test_other_words_or_categories_are_refused(made, other):
    assert made.shape == other.shape
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_match(made, made)
    with pytest.raises(UserError, match="other words or categories than those"):
        check_match(made, other)


def test_other_rows_are_said():
    made = spec_of(20, kind=KINDS)
    with pytest.warns(UserWarning, match=r"made from 20 training rows, and there are 16 here: .* may be among those"):
        check_match(made, replace(made, num_rows=16))
