"""What a record must say of the columns of a set, as ``datasets.Features`` describes them."""

from __future__ import annotations

from typing import Any

from hf_distill.hub.checks import (
    Check,
    different,
    fields,
    flag,
    matching,
    number,
    one_of,
    optional,
    refuse,
    text,
    whole,
)

#: Values of one sample that there can be, and rows of a set.
MOST_VALUES, MOST_ROWS = 2**31, 2**40
#: Levels of columns in columns.
_DEEPEST = 16
#: Samples of a sound in a second.
MOST_RATE = 2**20
NUMBERS = r"(u?int(8|16|32|64)|float(16|32|64)?|double)"
_ZONE = r"(, tz=[\w/+:\-]{1,40})?"
_PLAIN = (
    rf"{NUMBERS}|bool|(large_)?string|(large_)?binary|date(32|64)|timestamp\[(s|ms|us|ns){_ZONE}\]|time32\[m?s\]"
    r"|time64\[[un]s\]|duration\[(s|ms|us|ns)\]"
)
number_or_flag = matching(rf"{NUMBERS}|bool", "the type of a number, float32 say")
_plain_type = matching(_PLAIN, "a plain type of datasets, float32 or string say")
ID = {"id": optional(text)}
value_feature = fields({"dtype": _plain_type, "_type": one_of("Value")}, ID)
class_feature = fields(
    {"names": different(text, least=1), "_type": one_of("ClassLabel")}, {**ID, "num_classes": whole()}
)
image_feature = fields(
    {"_type": one_of("Image")},
    {**ID, "mode": optional(matching("[A-Za-z0-9;]{1,8}", "a mode of Pillow")), "decode": flag},
)
audio_feature = fields(
    {"_type": one_of("Audio")},
    {
        **ID,
        "decode": flag,
        **{key: optional(whole(0, MOST_RATE)) for key in ("sampling_rate", "num_channels", "stream_index")},
    },
)
#: The description of a ``VectorTransform``.
TRANSFORM = fields(
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

#: The types of columns beside lists.
FEATURES: dict[str, Check] = {
    "Value": value_feature,
    "ClassLabel": class_feature,
    "Image": image_feature,
    "Audio": audio_feature,
}


def feature(value: Any, place: str) -> None:
    """Check a column's type as ``datasets.Features.to_dict`` describes it."""
    if not isinstance(value, dict):
        refuse(value, place, "a feature")
    if value.get("_type") in ("List", "LargeList", "Sequence"):
        list_of(feature)(value, place)
    else:
        one_of(*FEATURES, "List")(value.get("_type"), f"{place}._type")
        FEATURES[value["_type"]](value, place)


def list_of(inner: Check) -> Check:
    """Return the check of a column of lists."""
    kinds = one_of("List", "LargeList", "Sequence")
    return fields({"feature": inner, "_type": kinds}, {**ID, "length": whole(-1, MOST_VALUES)})


def nested_feature(value: Any, place: str, depth: int = 0) -> None:
    """Check a column's type as :func:`feature`, or that of a column of nested rows."""
    if depth > _DEEPEST:
        refuse(value, place, "nested less deeply")
    if isinstance(value, dict) and "_type" not in value:
        for name, inner in value.items():
            text(name, place)
            nested_feature(inner, f"{place}.{name}", depth + 1)
    elif isinstance(value, list) and len(value) == 1:
        nested_feature(value[0], f"{place}[0]", depth + 1)
    elif isinstance(value, dict) and value.get("_type") in ("List", "LargeList", "Sequence"):
        list_of(lambda inner, where: nested_feature(inner, where, depth + 1))(value, place)
    else:
        feature(value, place)
