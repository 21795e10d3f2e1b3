"""Tables of an evaluation: a distilled set beside its baselines, for its card and for a terminal."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from hf_distill.table import Table
from hf_distill.text import printable, shorten

#: Metrics of which less is better.
ERRORS = ("mse", "mae", "distance", "discrepancy")
_PLAIN = ("mse", "mae", "r2", "mean_average_precision")
_FULL = "full data"
_LONGEST = 60  # characters of a network's name
_MOST_CLASSES = 20  # of a table
#: Baselines that are chosen real samples.
CORESETS = ("kmeans", "kmeans_pixels", "herding", "selected")
#: The baseline of as many random samples with labels of the same teacher.
SAME_LABELS = "same_labels"
Score = tuple[float, float | None]
"""A mean and its spread."""
# So few networks know their own spread badly: Student's t of the difference of two means, in units of the spread; 1 for
# five networks each.
_WIDER = {2: 3.04, 3: 1.60, 4: 1.22}


def results_table(rows: Sequence[Mapping[str, Any]]) -> Table:
    """Return a line a row: the result, its baselines, all of the data, and what else was measured.

    Args:
        rows: Of ``evaluation.json``. A column that none of them has a value for is left out.
    """
    scores = [{_title(name): score for name, score in scores_of(row).items()} for row in rows]
    names = list(dict.fromkeys(name for found in scores for name in found))
    # The full data is the ceiling: it comes last, also where the first row lacks a baseline.
    names.sort(key=lambda name: name == _FULL)
    head = ["network", "metric", "labels", "networks", *names, "MAE", "MAE random", "MAE full"]
    head += ["pinball loss", "pinball loss random", "pinball loss full", "gap closed", "label-robust score"]
    head += ["training time, full / set", "bits"]
    lines = [
        [
            *(str(row.get(key) or "") for key in ("network", "metric", "labels")),
            _networks(row),
            *(_result(row, name, *found.get(name, (None, None))) for name in names),
            *(
                format_score(row.get(f"{of}{error}_mean"), row.get(f"{of}{error}_std"), "mae")
                for error in ("mae", "pinball")
                for of in ("", "random_", "full_")
            ),
            "" if row.get("gap_closed") is None else f"{100 * row['gap_closed']:.0f} %",
            "" if row.get("label_robust_score") is None else f"{row['label_robust_score']:.3f}",
            _speedup(row),
            "" if row.get("bits") is None else f"{row['bits']:,}",
        ]
        for row, found in zip(rows, scores, strict=True)
    ]
    return Table(head, lines).used(keep=["bits"])


def recipes_table(rows: Sequence[Mapping[str, Any]]) -> Table | None:
    """Return the recipe that each training set was given, where it was chosen on held-out rows; else None."""
    lines = [
        [
            str(row["network"]),
            name.replace("_", " "),
            f"{own['lr']:.3g}",
            f"{own['steps']:,}",
            format_score(own.get("held_out"), None, _chosen_by(row, own)),
        ]
        for row in rows
        for name, own in (row.get("recipes") or {}).items()
    ]
    lines = [list(line) for line in dict.fromkeys(map(tuple, lines))]
    head = ["network", "training set", "learning rate", "steps", "on held-out rows"]
    return Table(head, lines) if lines else None


def class_table(rows: Sequence[Mapping[str, Any]]) -> Table | None:
    """Return the accuracy of each class, macro-F1 and balanced accuracy, a column a training set; None without any.

    Of two classes the first's is the specificity and the second's the sensitivity. Of many the averages stand alone.
    """
    found = [(row, row["by_class"]) for row in rows if row.get("by_class")]
    names = list(dict.fromkeys(name for _, sets in found for name in sets))
    names.sort(key=lambda name: name == "full")  # the ceiling comes last
    lines = []
    for row, sets in found:
        network, networks = str(row["network"]), _networks_of(row)
        classes = list(next(iter(sets.values()))["accuracy"])
        for title, name in zip(_titled(classes), classes, strict=True):
            shares = [sets[of]["accuracy"].get(name) if of in sets else None for of in names]
            lines.append([network, title, *(format_score(share, None, "accuracy") for share in shares)])
        for key, title in (("macro_f1", "macro-F1"), ("balanced_accuracy", "balanced accuracy")):
            averages = {of: sets[of][key] for of in names if of in sets}
            wide = {of: (mean, _spread(std, networks.get(of))) for of, (mean, std) in averages.items()}
            lines.append([network, title, *(format_score(*wide.get(of, (None, None)), "accuracy") for of in names)])
        if len(classes) > _MOST_CLASSES:
            lines = lines[: -len(classes) - 2] + lines[-2:]
    return Table(["network", "class", *(name.replace("_", " ") for name in names)], lines) if lines else None


def _titled(classes: Sequence[str]) -> list[str]:
    if len(classes) != 2:
        return list(classes)
    return [f"{name} ({of})" for name, of in zip(classes, ("specificity", "sensitivity"), strict=True)]


def verdict(row: Mapping[str, Any]) -> str:
    """Return in a sentence what a set is worth beside random samples, the best chosen ones and all of the data.

    A difference within the spread of both is none, and the spread of fewer than five networks counts for more. Nothing
    is said where no random samples were measured. A network that guesses has learned nothing, and that is said too.

    Args:
        row: Of ``evaluation.json``.
    """
    scores, metric = scores_of(row), str(row.get("metric", ""))
    if "distilled" not in scores or "random" not in scores:
        return ""
    own, random = scores["distilled"], scores["random"]
    sign = -1 if metric in ERRORS else 1
    against = [("random samples", random)]
    if SAME_LABELS in scores:
        against.append(("random samples with the same labels", scores[SAME_LABELS]))
    chosen = [scores[name] for name in CORESETS if name in scores]
    if chosen:
        against.append(("the best chosen ones", max(chosen, key=lambda found: sign * found[0])))
    parts = [_compared(own, other, sign, metric, name) for name, other in against]
    guess = row.get("guess")
    if guess is not None and own[0] <= guess + (row.get("std") or 0.0):
        parts.append(f"NO BETTER THAN GUESSING the most frequent class ({format_score(guess, None, 'accuracy')})")
    gain = sign * (own[0] - random[0])
    whole = sign * (scores["full"][0] - random[0]) if "full" in scores else 0.0
    if whole > 0 and gain > 0:
        parts.append(f"{100 * gain / whole:.0f} % of the way from random to all data")
    name = shorten(printable(str(row.get("network", ""))), _LONGEST)
    if row.get("harm"):
        name += f", after {shorten(printable(str(row['harm'])), _LONGEST)}"
    return f"{name}: {', '.join(parts)}"


def scores_of(row: Mapping[str, Any]) -> dict[str, Score]:
    """Return mean and spread of the ``distilled`` set, of ``random`` samples, of baselines and of the ``full`` data.

    What was not measured is left out. The spread is the standard deviation over networks, wider where these are fewer
    than five; None of one network.

    Args:
        row: Of ``evaluation.json``.
    """
    networks, baselines = _networks_of(row), row.get("baselines") or {}
    others = {name: (own.get("mean"), own.get("std")) for name, own in baselines.items() if name != "random"}
    found = {
        "distilled": (row.get("mean"), row.get("std")),
        "random": (row.get("random_mean"), row.get("random_std")),
        **others,
        "full": (row.get("full_mean"), row.get("full_std")),
    }
    return {name: (mean, _spread(std, networks.get(name))) for name, (mean, std) in found.items() if mean is not None}


def score_text(row: Mapping[str, Any], name: str) -> str:
    """Return one of a row's scores, as :func:`scores_of` names them; nothing where it was not measured."""
    score = scores_of(row).get(name)
    return "" if score is None else format_score(*score, str(row["metric"]))


def _networks_of(row: Mapping[str, Any]) -> dict[str, int]:
    """Return how many networks are behind each of a row's means, over all of its sets."""
    own = (row.get("seeds") or 1) * (row.get("sets") or 1)
    baselines = {name: value.get("networks", own) for name, value in (row.get("baselines") or {}).items()}
    return {"distilled": own, "random": own, **baselines, "full": row.get("full_networks", own)}


def _spread(std: float | None, networks: int | None) -> float | None:
    return None if std is None else std * _WIDER.get(networks or 0, 1.0)


def _compared(own: Score, other: Score, sign: int, metric: str, name: str) -> str:
    """Say by how much a result is better or worse than another one."""
    gain = sign * (own[0] - other[0])
    if abs(gain) <= math.hypot(own[1] or 0.0, other[1] or 0.0):
        return f"no better than {name} (within the spread)" if gain >= 0 else f"about as good as {name}"
    size = format_score(abs(gain), None, metric).replace(" %", " points")
    return f"{'better' if gain > 0 else 'WORSE'} than {name} by {size}"


def features_table(features: Mapping[str, Any]) -> Table:
    """Return the distances to real samples in a feature space.

    Args:
        features: As ``evaluation.json`` has them.
    """
    lines = [
        [
            row["metric"],
            format_score(row["distilled"], None, ""),
            format_score(row["random_mean"], row.get("random_std"), ""),
        ]
        for row in features["rows"]
    ]
    return Table(["feature metric", "this set", "random, equal count"], lines)


def evaluation_text(evaluation: Mapping[str, Any]) -> str:
    """Return the tables of an evaluation's JSON for a terminal."""
    rows = evaluation.get("rows") or []
    tables: list[Any] = [results_table(rows)] if rows else []
    if classes := class_table(rows):
        tables.append(classes)
    if recipes := recipes_table(rows):
        tables.append(recipes)
    if evaluation.get("features"):
        tables.append(features_table(evaluation["features"]))
    said = [line for line in map(verdict, rows) if line]
    if (evaluation.get("protocol") or {}).get("sketch"):
        said.append(
            "A sketch: few networks, trained briefly, their ± widened as so few ask for (Student's t); "
            "`hf-distill evaluate` measures by the whole protocol."
        )
    return "\n\n".join([*map(str, tables), *(["\n".join(said)] if said else [])])


def format_score(mean: float | None, std: float | None, metric: str) -> str:
    """Return a result with its spread, nothing for None.

    An accuracy or an F1 score is in per cent, ``91.2 ± 0.4 %``, an error or a share of
    the variance has three digits, ``0.393 ± 0.002``.
    """
    if mean is None:
        return ""
    percent = "accuracy" in metric or "f1" in metric or metric in ("sensitivity", "specificity")
    form, scale = (".3f", 1) if metric in _PLAIN else (".1f", 100) if percent else (".4g", 1)
    texts = [f"{scale * value:{form}}" for value in (mean, std) if value is not None]
    return " ± ".join(texts) + (" %" if percent else "")


def _chosen_by(row: Mapping[str, Any], recipe: Mapping[str, Any]) -> str:
    """Return the metric that a recipe was chosen by."""
    return str(recipe.get("score") or (row["metric"] if row["metric"] in ERRORS else "accuracy"))


def _title(name: str) -> str:
    return {"random": "random, equal bits", "full": _FULL}.get(name, name.replace("_", " "))


def _result(row: Mapping[str, Any], name: str, mean: float | None, std: float | None) -> str:
    text, steps = format_score(mean, std, row.get("metric", "")), row.get("full_steps")
    return f"{text} ({steps:,} steps)" if text and name == _FULL and isinstance(steps, int) else text


def _networks(row: Mapping[str, Any]) -> str:
    """Say how many networks a row is the mean of, and of how many distilled sets: ``5 on 1 set``."""
    seeds, sets = row.get("seeds"), row.get("sets") or 1
    if seeds is None:
        return ""
    return f"{seeds} on 1 set" if sets == 1 else f"{seeds} on each of {sets} sets"


def _speedup(row: Mapping[str, Any]) -> str:
    """Return training seconds on the full data over those on the set, ``13.6 s / 3.4 s = 4.0``."""
    speedup, taken = row.get("training_speedup"), [row.get("full_seconds"), row.get("seconds")]
    if speedup is None:
        return ""
    return f"{speedup:.1f}" if None in taken else f"{taken[0]:.1f} s / {taken[1]:.1f} s = {speedup:.1f}"
