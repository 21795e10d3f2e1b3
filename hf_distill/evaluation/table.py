"""Tables of an evaluation's rows, for the terminal and for Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hf_distill.hub.markdown import cell
from hf_distill.text import networks_said, printable, shorten, steps_said

_SHOWN = 60  # characters of a name on the terminal
_OF = ("", "random_", "full_")


def format_score(mean: float | None, std: float | None, metric: str = "accuracy") -> str:
    """Return a fraction in percent, ``91.2 ± 0.4``, or an error as it is, ``0.393 ± 0.002``; nothing for None."""
    if mean is None:
        return ""
    scale, digits = (1, 3) if metric in ("mse", "mae") else (100, 1)
    return f"{scale * mean:.{digits}f}" + ("" if std is None else f" ± {scale * std:.{digits}f}")


def format_speedup(row: dict[str, Any]) -> str:
    """Return training seconds on the full data over those on the set, ``13.6 / 3.4 = 4.0``, where both were taken."""
    speedup = row.get("training_speedup")
    taken = [row.get("full_seconds"), row.get("seconds")]
    if speedup is None or None in taken:
        return ""
    return f"{taken[0]:.1f} / {taken[1]:.1f} = {speedup:.1f}"


def table_cells(rows: Sequence[dict[str, Any]]) -> list[list[str]]:
    """Return head and lines: the result, random, the other baselines. Empty columns are left out."""
    others = list(dict.fromkeys(name for row in rows for name in row.get("baselines") or {} if name != "random"))
    head = ["network", "metric", "labels", "networks", "distilled", "random", *(n.replace("_", " ") for n in others)]
    head += ["full", "LRS", "gap closed", "training s, full / set", "MAE", "MAE random", "MAE full", "bits"]
    lines = []
    for row in rows:
        metric = row["metric"]
        baselines = [(row.get("baselines") or {}).get(name) or {} for name in others]
        full = format_score(row.get("full_mean"), row.get("full_std"), metric)
        score, closed = row.get("label_robust_score"), row.get("gap_closed")
        lines.append(
            [
                row["network"],
                metric,
                row.get("labels") or "",
                networks_said(row),
                format_score(row.get("mean"), row.get("std"), metric),
                format_score(row.get("random_mean"), row.get("random_std"), metric),
                *(format_score(b.get("mean"), b.get("std"), metric) for b in baselines),
                full and full + steps_said(row),
                "" if score is None else f"{score:.3f}",
                "" if closed is None else f"{100 * closed:.0f} %",
                format_speedup(row),
                *(format_score(row.get(f"{of}mae_mean"), row.get(f"{of}mae_std"), "mae") for of in _OF),
                "" if row.get("bits") is None else f"{row['bits']:,}",
            ]
        )
    used = [i for i in range(len(head)) if any(line[i] for line in lines)]
    return [[line[i] for i in used] for line in [head, *lines]]


def render_table(rows: Sequence[dict[str, Any]], markdown: bool = False) -> str:
    """Return the rows as aligned text, or as a Markdown table."""
    return _render(table_cells(rows), markdown)


def feature_cells(features: dict[str, Any]) -> list[list[str]]:
    """Return head and lines of the distances to real samples in a feature space."""
    lines = [
        [row["metric"], f"{row['distilled']:.4g}", _spread(row["random_mean"], row.get("random_std"))]
        for row in features["rows"]
    ]
    return [["feature metric", "distilled", "random"], *lines]


def render_evaluation(evaluation: dict[str, Any], markdown: bool = False) -> str:
    """Return the tables of an evaluation's JSON: accuracies, then distances in a feature space where they are there."""
    parts = [render_table(evaluation["rows"], markdown)] if evaluation.get("rows") else []
    if evaluation.get("features"):
        parts.append(_render(feature_cells(evaluation["features"]), markdown))
    return "\n\n".join(parts)


def _spread(mean: float, std: float | None) -> str:
    return f"{mean:.4g}" + ("" if std is None else f" ± {std:.2g}")


def _render(cells: list[list[str]], markdown: bool) -> str:
    # Names may be a stranger's, who wrote the record.
    cells = [[cell(text) if markdown else shorten(printable(text), _SHOWN) for text in line] for line in cells]
    widths = [max(len(line[i]) for line in cells) for i in range(len(cells[0]))]
    padded = [[text.ljust(width) for text, width in zip(line, widths, strict=True)] for line in cells]
    if markdown:
        padded.insert(1, ["-" * width for width in widths])
        return "\n".join(f"| {' | '.join(line)} |" for line in padded)
    padded.insert(1, ["-" * width for width in widths])
    return "\n".join("  ".join(line).rstrip() for line in padded)
