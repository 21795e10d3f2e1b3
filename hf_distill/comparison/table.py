"""The table of a comparison."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from hf_distill.hub.results import CORESETS, ERRORS, format_score, score_text, scores_of
from hf_distill.table import Table

_RANKS = {
    "HLR": "hard_label_recovery",
    "IOR": "improvement_over_random",
    "LRS": "label_robust_score",
    "ARS": "augmentation_robust_score",
}
_RIGHT = ("samples", "bits", "place", *_RANKS)


def comparison_table(rows: Sequence[Mapping[str, Any]]) -> Table:
    """Return a line for each row, the best first in each network and metric.

    Args:
        rows: Of :meth:`Comparison.run`.
    """
    head = ["network", "set", "method", "samples", "bits", "place", "result", "random", "best coreset", "full data"]
    lines = []
    for group in groups(rows):
        for row in sorted(group, key=lambda row: -_sign(row) * row["mean"]):
            coresets = [score for name, score in scores_of(row).items() if name in CORESETS]
            best = max(coresets, key=lambda score: _sign(row) * score[0], default=None)
            lines.append(
                [
                    str(row["network"]),
                    row["set"],
                    row["method"],
                    str(row.get("samples", "")),
                    f"{row['bits']:,}" if row.get("bits") else "",
                    _place(row, group),
                    score_text(row, "distilled"),
                    score_text(row, "random"),
                    "" if best is None else format_score(*best, row["metric"]),
                    score_text(row, "full"),
                    *(_score(row, name) for name in _RANKS),
                ]
            )
    return Table([*head, *_RANKS], lines, right=_RIGHT).used()


def groups(rows: Sequence[Mapping[str, Any]]) -> list[list[Mapping[str, Any]]]:
    """Return the rows of each network and metric."""
    keys = dict.fromkeys((row["network"], row["metric"]) for row in rows)
    return [[row for row in rows if (row["network"], row["metric"]) == key] for key in keys]


def _place(row: Mapping[str, Any], group: Sequence[Mapping[str, Any]]) -> str:
    """Return the places that a set may have: those that are better or worse within the spread are not told apart."""
    better, worse = (sum(_clearly(one, other) for one, other in pairs) for pairs in _pairs(row, group))
    first, last = 1 + better, len(group) - worse
    return str(first) if first == last else f"{first}-{last}"


def _pairs(row: Mapping[str, Any], group: Sequence[Mapping[str, Any]]) -> Any:
    return [(other, row) for other in group], [(row, other) for other in group]


def _clearly(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether one row is better than another by more than the spread of both."""
    gain = _sign(one) * (one["mean"] - other["mean"])
    return gain > math.hypot(*(scores_of(row)["distilled"][1] or 0.0 for row in (one, other)))


def _sign(row: Mapping[str, Any]) -> int:
    return -1 if row["metric"] in ERRORS else 1


def _score(row: Mapping[str, Any], name: str) -> str:
    value = row.get(_RANKS[name])
    if value is None:
        return ""
    return f"{100 * value:+.1f}" if name in ("HLR", "IOR") else f"{value:.3f}"
