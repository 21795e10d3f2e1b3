"""What the record must say of config ``codes``: how its bytes are laid out; needs neither torch nor datasets."""

from __future__ import annotations

import math
from typing import Any

from hf_distill.decode import reading
from hf_distill.hub.checks import (
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
    text,
    whole,
)
from hf_distill.hub.feature_checks import MOST_RATE

_MOST = 2**40
#: Values of the soft labels of a set, and of what they are the labels of.
_MOST_LABELS = 2**31
#: Values of the waves that make sounds of levels.
_MOST_WAVES = 2**28
_type = matching(r"[<>|=]?[fiu][1248]", "a numpy type, <f4 say")
_layout = {"dtype": _type, "shape": listing(whole(-1, _MOST))}
_count = whole(1, _MOST)
_shape = listing(_count, least=1)
_name = matching(r"[A-Za-z_][A-Za-z0-9_]{0,39}", "the name of a variable")
_labels = fields(
    {"classes": _count},
    {
        "bits": whole(1, 32),
        "count": whole(0, _MOST),
        "top": whole(1, 10_000),
        "dense": one_of("probabilities", "logits"),
        "values": flag,
        "views": fields(
            {"count": whole(1, 1024)},
            {
                "share": number(0, 1),
                "seed": whole(0, 2**63 - 1),
                "least": number(1e-4, 1),
                "flip": number(0, 1),
                "patches": whole(1, 16),
                "mix": one_of("none", "mixup", "cutmix"),
            },
        ),
    },
    more=True,
)
_tokens = fields({"bits": whole(1, 24), "length": whole(1, 8192)}, {"count": whole(0, _MOST)})
_coding = fields({"shape": listing(_count, 2), "levels": whole(2, 256), "lanes": _count, "neighbours": listing(_count)})
_variable = fields(
    {
        "bits": one_of(1, 2, 3, 4, 5, 6, 7, 8, 16),
        "granularity": one_of("tensor", "channel", "class", "sample"),
        "quantizer": text,
        "shape": _shape,
        "side_shape": listing(_count, 2),
        "family": one_of("uniform", "symmetric", "powers of two", "learned"),
        "levels": whole(2, 2**16),
    },
    {"grid": listing(number(-1e6, 1e6)), "coding": _coding},
    more=True,
)
_INPUTS = ("as stored", "enlarged", "spectrum", "tones", "motion", "cosines", "joined")
_PLAIN = {
    "kind": text,
    "normalized": flag,
    "labels": _labels,
    "weights": flag,
    "tokens": _tokens,
    "texts": mapping(_tokens),
}


def check_codes(codes: dict[str, Any], rows: int, width: int, classes: int, groups: int) -> None:
    """Refuse a description that does not fit the set.

    Args:
        codes: ``features`` and ``meta`` of the record's ``codes``, dictionaries.
        rows: Rows of config ``default``.
        width: Values of one of them.
        classes: Classes, or other outputs of networks; 0 for a series.
        groups: Groups of samples; 0 for a series.

    Raises:
        Wrong: It does not; the message names the place.
    """
    meta, place = codes["meta"], "codes.meta"
    if not codes["features"]:
        refuse(codes["features"], "codes.features", "the types of one column or more")
    for key, check in _PLAIN.items():
        if key in meta:
            check(meta[key], f"{place}.{key}")
    if "inputs" in meta:
        optional(one_of(*_INPUTS))(meta["inputs"], f"{place}.inputs")
    _check_labels(meta, place, rows, width, classes)
    if meta.get("kind") == "QuantizedSet" or "variables" in meta:
        _check_quantized(meta, place, rows, max(width, classes, 1), classes, groups)
    else:
        layouts = meta.get("columns", {"": meta})
        mapping(fields({}, _layout, more=True))(layouts, f"{place}.columns")
        fields({}, {**_layout, "columns": anything}, more=True)(meta, place)
    if (how := reading(meta)) == "spectrum":
        _check_spectrum(meta, place, rows)
    elif how == "enlarged" and "enlarged" in meta:
        listing(_count, 3)(meta["enlarged"], f"{place}.enlarged")
        if math.prod(meta["enlarged"]) > width:
            refuse(meta["enlarged"], f"{place}.enlarged", "the shape of a sample")
    elif how == "tones":
        _check_tones(meta, place, width)
    elif how == "motion":
        _check_motion(meta, place, width)
    elif how == "cosines":
        _check_cosines(meta, place, width)
    elif how == "joined":
        _check_joined(meta, place, width)


def _stored_shape(meta: dict[str, Any]) -> list[int]:
    """Return the shape of what inputs are made from."""
    pixels = meta["variables"].get("pixels", {}) if "variables" in meta else meta.get("columns", {}).get("codes", meta)
    return list(pixels.get("shape", ()))


def _check_joined(meta: dict[str, Any], place: str, width: int) -> None:
    """Check variables that are joined to inputs: together they have as many values as a sample."""
    fields({"joined": different(text, least=1)}, more=True)(meta, place)
    quantized = "variables" in meta
    shapes = {
        name: about["shape"][quantized:]
        for name, about in meta.get("variables" if quantized else "columns", {}).items()
    }
    shapes |= {name: [about["length"]] for name, about in meta.get("texts", {}).items()}
    if not set(meta["joined"]) <= shapes.keys():
        refuse(meta["joined"], f"{place}.joined", "names of variables")
    if sum(math.prod(shapes[name]) for name in meta["joined"]) != width:
        refuse(meta["joined"], f"{place}.joined", f"of variables with {width} values a sample together")


def _check_motion(meta: dict[str, Any], place: str, width: int) -> None:
    """Check a coarse video and a still image: neither is larger than the video that they make."""
    shape = listing(_count, 4)
    fields({"moving": shape, "still": listing(whole(0, _MOST), 4), "video": shape}, more=True)(meta, place)
    video, parts = meta["video"], (meta["moving"], meta["still"])
    if math.prod(video) != width:
        refuse(video, f"{place}.video", "the shape of a sample")
    for part in parts:
        if any(size > full for size, full in zip(part, video, strict=True)) or part[1] != video[1]:
            refuse(part, f"{place}, the shape of a part", f"{video} at most, and as many channels")
    if _stored_shape(meta)[-1:] != [sum(map(math.prod, parts))]:
        refuse(_stored_shape(meta), f"{place}, the shape of the values", "that of both parts")


def _check_cosines(meta: dict[str, Any], place: str, width: int) -> None:
    """Check numbers of cosines: a channel has no more of them than time steps."""
    fields({"steps": whole(1, width)}, more=True)(meta, place)
    shape = _stored_shape(meta)[-2:]
    if len(shape) != 2 or shape[0] * meta["steps"] != width or not 0 < shape[1] <= meta["steps"]:
        refuse(shape, f"{place}, the shape of the values", f"channels and 1 to {meta['steps']} cosines of each")


def _check_tones(meta: dict[str, Any], place: str, width: int) -> None:
    """Check levels of tones: waves that are made of them must not be longer than the sounds."""
    checks = {"hop": whole(1, width), "sampling_rate": whole(1, MOST_RATE), "samples": one_of(width)}
    fields({**checks, "tones": listing(number(0))}, more=True)(meta, place)
    count = len(meta["tones"])
    if not 0 < count * width <= _MOST_WAVES:
        refuse(count, f"the number of {place}.tones", f"1 to {_MOST_WAVES // width}")
    shape = _stored_shape(meta)[-2:]
    if len(shape) != 2 or shape[0] != count or not width <= shape[1] * meta["hop"] < 2 * width + 1:
        refuse(shape, f"{place}, the shape of the levels", "tones and frames that reach to the end of a sound")


def _check_spectrum(meta: dict[str, Any], place: str, rows: int) -> None:
    bins = optional(whole(1, rows))
    counts = {"length": whole(1, rows), "wrap": whole(0, rows), "harmonics": bins, "bits_per_bin": whole(0, 40)}
    needed = ["length"] if "variables" in meta else ["length", "harmonics"]
    needed += [] if meta.get("harmonics") is None else ["bits_per_bin"]
    known = {key: check for key, check in counts.items() if key not in needed}
    fields({key: counts[key] for key in needed}, known, more=True)(meta, place)
    for name in ("real", "imag") if "variables" in meta else ():
        shape = meta["variables"].get(name, {}).get("shape", ())
        if len(shape) != 2 or shape[0] != meta["length"] // 2 + 1:
            refuse(shape, f"{place}.variables.{name}.shape", "the bins of its length, and the channels")


def _check_labels(meta: dict[str, Any], place: str, rows: int, width: int, classes: int) -> None:
    """Check the labels' description: what it makes must not be larger than labels are."""
    about = meta.get("labels", {})
    if about and about["classes"] != classes:
        refuse(about["classes"], f"{place}.labels.classes", f"{classes}, the number of classes")
    views = about.get("views", {}).get("count", 1)
    soft = "top" in about or "dense" in about or "values" in about
    if soft and rows * views * classes > _MOST_LABELS:
        refuse(about, f"{place}.labels", f"of {_MOST_LABELS:,} probabilities at most")
    if views > 1 and rows * views * width > _MOST_LABELS:
        refuse(about["views"], f"{place}.labels.views", f"of {_MOST_LABELS:,} values at most")


def _check_quantized(meta: dict[str, Any], place: str, rows: int, width: int, classes: int, groups: int) -> None:
    fields(
        {
            "of": matching("[A-Za-z_][A-Za-z0-9_]{0,60}", "a class"),
            "variables": mapping(_variable),
            "claimed_bits": whole(0, 2**63),
        },
        more=True,
    )(meta, place)
    if not meta["variables"]:
        refuse(meta["variables"], f"{place}.variables", "one variable or more")
    about = meta.get("labels", {})
    views = about.get("views", {}).get("count", 1)
    for name, values in meta["variables"].items():
        _name(name, f"a name in {place}.variables")
        _check_variable(values, f"{place}.variables.{name}", (rows + 2) * width * views, groups)
    if reading(meta) == "enlarged":
        if len(shape := meta["variables"].get("pixels", {}).get("shape", ())) != 4:
            refuse(shape, f"{place}.variables.pixels.shape", "that of images")
        if "enlarged" not in meta:
            refuse(None, f"{place}.enlarged", "the shape of a sample")
    if "top" in about or "dense" in about or "values" in about:
        shape = [rows, *([views] if "views" in about else []), about.get("top", classes)]
        if meta["variables"].get("labels", {}).get("shape") != shape:
            refuse(meta["variables"].get("labels"), f"{place}.variables.labels", f"the shares of each label, {shape}")
    if "weights" in meta and meta["variables"].get("weights", {}).get("shape") != [rows]:
        refuse(meta["variables"].get("weights"), f"{place}.variables.weights", "one for each sample")
    if "bits" in about or "top" in about:
        whole(1, 32)(about.get("bits"), f"{place}.labels.bits")
        one_of(rows * views * about.get("top", 1))(about.get("count"), f"{place}.labels.count")


def _check_variable(about: dict[str, Any], place: str, most: int, groups: int) -> None:
    """Check that a variable's numbers fit each other, and the size of the set."""
    shape, levels = about["shape"], about["levels"]
    values = math.prod(shape)
    if values > most:
        refuse(shape, f"{place}.shape", f"{most:,} values at most")
    if levels > 2 ** about["bits"]:
        refuse(levels, f"{place}.levels", f"2 to {2 ** about['bits']}")
    if about["granularity"] == "channel" and len(shape) < 2:
        refuse(shape, f"{place}.shape", "a shape with channels")
    each_of = {"tensor": 1, "sample": shape[0], "class": groups, "channel": shape[1] if len(shape) > 1 else 1}
    each = {"uniform": 2, "symmetric": 1, "powers of two": 1, "learned": levels}[about["family"]]
    wanted = [each_of[about["granularity"]], each]
    if list(about["side_shape"]) != wanted or not wanted[0] or values % wanted[0]:
        refuse(about["side_shape"], f"{place}.side_shape", f"{wanted}")
    if about["family"] == "powers of two":
        listing(number(), levels)(about.get("grid"), f"{place}.grid")
    coding = about.get("coding")
    if coding is None:
        return
    count, length = coding["shape"]
    near = coding["neighbours"]
    if count * length != values:
        refuse(coding["shape"], f"{place}.coding.shape", f"of {values} codes")
    if coding["levels"] != levels:
        refuse(coding["levels"], f"{place}.coding.levels", f"{levels}")
    if coding["lanes"] > count:
        refuse(coding["lanes"], f"{place}.coding.lanes", f"1 to {count}")
    # The writer takes no model with more counts than there are codes.
    if max(near, default=0) > length or len(near) > 16 or (near and levels ** (len(near) + 1) > values):
        refuse(near, f"{place}.coding.neighbours", "distances that there are enough codes for")
