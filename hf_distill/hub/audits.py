"""What an audit found, as a record holds it and as a card and a terminal say it; needs neither torch nor datasets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hf_distill.hub.checks import fields, listing, number, text, whole
from hf_distill.table import Table

_share = number(0, 1)
_interval = {"value": _share, "low": _share, "high": _share}
_counts = dict.fromkeys(("samples", "exact", "near"), whole())
_attacked = fields(
    {
        "trained_on": text,
        "auc": fields(_interval),
        "rates": listing(fields({"false_positives": _share, **_interval})),
    },
    more=True,
)
#: The check of a record's ``audit``.
check_audit = fields(
    {
        "copies": fields({**_counts, "test_rows": whole(), "test_rows_near": whole()}, {"steps": whole(1)}, more=True),
        "classes": listing(fields({"class": text, **_counts}, more=True)),
    },
    {
        "membership": listing(_attacked),
        "shadows": listing(_attacked),
        "poison": listing(fields({"trained_on": text, "accuracy": _share, "attack_success": _share}, more=True)),
        "backdoor": fields(
            {
                "above": number(0),
                "suspected": whole(),
                "classes": listing(
                    fields({"class": text, "mark": number(0), "reference": number(0), "anomaly": number()})
                ),
            },
            {"unmarked": whole()},
            more=True,
        ),
    },
    more=True,
)


def audit_line(audit: Mapping[str, Any] | None) -> str:
    """Return what a card says of an audit, in numbers alone; nothing where there was none."""
    if audit is None:
        return ""
    found = audit["copies"]
    what = f"pieces of {found['steps']:,} time steps" if "steps" in found else "samples"
    line = (
        f"Audited: of the {found['samples']:,} {what} {found['exact']:,} are exact copies of training rows and "
        f"{found['near']:,} nearly so (as close to one row as few test rows are)"
    )
    return f"{line}.{_members(audit)}{_backdoor(audit)}"


def _members(audit: Mapping[str, Any]) -> str:
    own = next((row for row in audit.get("membership") or () if row["trained_on"] == "this set" and row["rates"]), None)
    if own is None:
        return ""
    rate = own["rates"][-1]
    return (
        f" Of the rows that the set was made from, a threshold on the loss of networks that are trained on it "
        f"finds {_percent(rate)} at {100 * rate['false_positives']:g} % false positives."
    )


def _backdoor(audit: Mapping[str, Any]) -> str:
    found = audit.get("backdoor")
    if found is None:
        return ""
    suspected, classes = found["suspected"], len(found["classes"])
    if not suspected:
        unmarked = found.get("unmarked", 0)
        blind = f"; of {unmarked} of them it found no mark at all, and tells nothing" if unmarked else ""
        return f" A search for a backdoor suspects none of {classes} classes{blind}."
    return (
        f" **A search for a backdoor suspects {suspected} of {classes} classes**: a mark that is suspiciously small "
        "sends rows of other classes to it."
    )


def copies_table(audit: Mapping[str, Any]) -> Table:
    """Return the counts of all samples and of each class."""
    head = ["class", "samples", "exact copies", "near copies"]
    names = ("samples", "exact", "near")
    lines = [["all", *(f"{audit['copies'][name]:,}" for name in names)]]
    lines += [[row["class"], *(f"{row[name]:,}" for name in names)] for row in audit["classes"]]
    return Table(head, lines, right=head[1:])


def membership_table(audit: Mapping[str, Any]) -> Table | None:
    """Return how many training rows the loss tells, at each false-positive rate; None where nothing was attacked."""
    return _attacks(audit.get("membership") or [])


def shadows_table(audit: Mapping[str, Any]) -> Table | None:
    """Return how many rows of random halves two attacks tell; None where no halves were distilled."""
    return _attacks(audit.get("shadows") or [])


def _attacks(rows: Sequence[Mapping[str, Any]]) -> Table | None:
    if not rows:
        return None
    rates = [rate["false_positives"] for rate in rows[0]["rates"]]
    head = ["networks trained on", "area under the curve", *(f"found at {100 * rate:g} % false" for rate in rates)]
    lines = [[row["trained_on"], _percent(row["auc"]), *map(_percent, row["rates"])] for row in rows]
    return Table(head, lines, right=head[1:])


def poison_table(audit: Mapping[str, Any]) -> Table | None:
    """Return what a known poison came to; None where the data name none."""
    rows = audit.get("poison")
    if not rows:
        return None
    head = ["networks trained on", "accuracy", "triggered rows taken for the target"]
    lines = [
        [row["trained_on"], *(f"{100 * row[key]:.1f} %" for key in ("accuracy", "attack_success"))] for row in rows
    ]
    return Table(head, lines, right=head[1:])


def backdoor_table(audit: Mapping[str, Any]) -> Table | None:
    """Return the smallest mark of each class; None where none was looked for."""
    found = audit.get("backdoor")
    if found is None:
        return None
    head = ["class", "smallest mark, pixels", "of a network of all rows", "anomaly", ""]
    lines = [
        [
            row["class"],
            *(f"{row[key]:.1f}" for key in ("mark", "reference")),
            f"{row['anomaly']:+.2f}",
            "suspected" if row["anomaly"] > found["above"] else "",
        ]
        for row in found["classes"]
    ]
    return Table(head, lines, right=head[1:4])


def _percent(found: Mapping[str, float]) -> str:
    return f"{100 * found['value']:.1f} % ({100 * found['low']:.1f} to {100 * found['high']:.1f})"
