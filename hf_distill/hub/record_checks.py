"""What ``distillation.json`` must hold; needs neither torch nor datasets."""

from __future__ import annotations

import math
from typing import Any

from hf_distill.hub.audits import check_audit
from hf_distill.hub.checks import (
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
    text,
    whole,
)
from hf_distill.hub.code_checks import check_codes
from hf_distill.hub.feature_checks import MOST_ROWS, feature
from hf_distill.hub.kind_checks import outputs_and_groups
from hf_distill.hub.spec_checks import SERIES, check_spec

_picture = matching(r"[A-Za-z0-9_-]{1,100}\.png", "a plain file name ending in .png")
_bits = whole(0, 2**63 - 1)
_score = optional(number())

_class_path = fields({}, {"class_path": text, "init_args": mapping(anything)}, more=True)
_config = fields({}, dict.fromkeys(("method", "data", "evaluator"), _class_path), more=True)
_spread = fields({}, {"mean": _score, "std": _score, "networks": optional(whole())}, more=True)
_scores = (
    *(f"{of}{what}" for of in ("", "random_", "full_") for what in ("mean", "std", "mae_mean", "mae_std", "seconds")),
    *(f"{of}pinball_{what}" for of in ("", "random_", "full_") for what in ("mean", "std")),
    *("gap_closed", "training_speedup", "label_robust_score", "guess"),
)
_average = listing(_score, 2)
_by_class = fields({"accuracy": mapping(_score), "macro_f1": _average, "balanced_accuracy": _average}, more=True)
_row = fields(
    {"network": text, "metric": text},
    {
        "labels": optional(text),
        **dict.fromkeys(("seeds", "sets", "full_steps"), optional(whole())),
        "bits": optional(_bits),
        "baselines": optional(mapping(_spread)),
        "by_class": mapping(_by_class),
        "harm": text,
        "recipes": optional(mapping(fields({"lr": number(), "steps": whole()}, more=True))),
        **dict.fromkeys(_scores, _score),
    },
    more=True,
)
_features = fields(
    {
        "protocol": fields(
            {
                "extractor": fields({"class_path": text}, more=True),
                "reference": text,
                "neighbours": whole(),
            },
            more=True,
        ),
        "rows": listing(
            fields({"metric": text, "distilled": number(), "random_mean": number()}, {"random_std": _score}, more=True)
        ),
    },
    more=True,
)
_evaluation = fields(
    {},
    {
        "protocol": optional(fields({}, {"test_windows": whole()}, more=True)),
        "rows": listing(_row),
        "features": optional(_features),
    },
    more=True,
)
_file = fields(
    {
        "rows": whole(0, MOST_ROWS),
        "arrow_bytes": _bits,
        "bytes": _bits,
        "sha256": matching("[0-9a-f]{64}", "a SHA-256 digest"),
    },
    more=True,
)
_size_of = fields(dict.fromkeys(("data", "labels", "side", "total"), _bits), more=True)


def check_record(record: dict[str, Any], tables: tuple[str, ...], labels: str) -> None:
    """Refuse a record that is not as this library writes them.

    Args:
        record: The content of ``distillation.json``, of a format that is known.
        tables: Paths of the tables that it must list.
        labels: That of the table that it lists where it describes it.

    Raises:
        Wrong: It is not; the message names the first place.
    """
    spec: Any = record.get("spec")
    check_spec(spec, record)
    fields(
        {
            "spec": anything,
            "rows": whole(1, MOST_ROWS),
            "bits": fields({"default": _size_of, "codes": _size_of}),
            "codes": fields({"features": mapping(feature), "meta": mapping(anything)}),
            "config": _config,
            "recipe": mapping(anything),
            "seed": whole(-(2**63), 2**64),
            "timing": mapping(anything),
            "history": listing(anything),
            "citations": listing(text),
            "versions": mapping(text),
            "files": fields(dict.fromkeys(tables, _file), {labels: _file}, more=True),
        },
        {
            "layout": mapping(anything),
            "labels": fields({"features": mapping(feature)}),
            "pictures": different(_picture),
            "evaluation_pictures": different(_picture),
            "audit": optional(check_audit),
            "evaluation": optional(_evaluation),
            "other_evaluations": listing(_evaluation),
            "about": fields({}, {**dict.fromkeys(("title", "license", "author"), text), "tags": listing(text)}),
            "counts": optional(listing(whole(0, MOST_ROWS))),
        },
        more=True,
    )(record, "")
    one_of(record["rows"])(record["files"][tables[0]]["rows"], f"files.{tables[0]}.rows")
    if ("labels" in record) != (labels in record["files"]):
        refuse(record.get("labels"), "labels", f"there where files lists {labels}, and not else")
    for name, size in record["bits"].items():
        if size["total"] != size["data"] + size["labels"] + size["side"]:
            refuse(size["total"], f"bits.{name}.total", "the sum of its parts")
    if record.get("counts") is not None:
        one_of(len(spec.get("classes", ())))(len(record["counts"]), "the length of counts")
    width = len(spec["channels"]) if spec["task"] == SERIES else math.prod(spec["shape"])
    check_codes(record["codes"], record["rows"], width, *outputs_and_groups(spec))
