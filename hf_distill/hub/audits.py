"""What an audit found, as a record holds it and as a card and a terminal say it; needs neither torch nor datasets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hf_distill.hub.checks import fields, listing, number, text, whole
from hf_distill.table import Table

_share = number(0, 1)
_interval = {"value": _share, "low": _share, "high": _share}
_counts = dict.fromkeys(("samples", "exact", "near"), whole())
#: The check of a record's ``audit``.
check_audit = fields(
    {
        "copies": fields({**_counts, "test_rows": whole(), "test_rows_near": whole()}, more=True),
        "classes": listing(fields({"class": text, **_counts}, more=True)),
    },
    {
        "membership": listing(
            fields(
                {
                    "trained_on": text,
                    "auc": fields(_interval),
                    "rates": listing(fields({"false_positives": _share, **_interval})),
                },
                more=True,
            )
        )
    },
    more=True,
)


def audit_line(audit: Mapping[str, Any] | None) -> str:
    """Return what a card says of an audit, in numbers alone; nothing where there was none."""
    if audit is None:
        return ""
    found = audit["copies"]
    line = (
        f"Audited: of the {found['samples']:,} samples {found['exact']:,} are exact copies of training rows and "
        f"{found['near']:,} nearly so (as close to one row as few test rows are)"
    )
    own = next((row for row in audit.get("membership") or () if row["trained_on"] == "this set" and row["rates"]), None)
    if own is None:
        return f"{line}."
    rate = own["rates"][-1]
    return (
        f"{line}. Of the rows that the set was made from, a threshold on the loss of networks that are trained on it "
        f"finds {_percent(rate)} at {100 * rate['false_positives']:g} % false positives."
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
    rows = audit.get("membership") or []
    if not rows:
        return None
    rates = [rate["false_positives"] for rate in rows[0]["rates"]]
    head = ["networks trained on", "area under the curve", *(f"found at {100 * rate:g} % false" for rate in rates)]
    lines = [[row["trained_on"], _percent(row["auc"]), *map(_percent, row["rates"])] for row in rows]
    return Table(head, lines, right=head[1:])


def _percent(found: Mapping[str, float]) -> str:
    return f"{100 * found['value']:.1f} % ({100 * found['low']:.1f} to {100 * found['high']:.1f})"
