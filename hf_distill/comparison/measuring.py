"""One protocol over several sets: their baselines and the full data are measured once for each size."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from hf_distill.augment.default import default_augment
from hf_distill.data.base import Data
from hf_distill.errors import UserError
from hf_distill.evaluation.base import Evaluator
from hf_distill.evaluation.ranking import augmentation_robust_score, label_robust_score
from hf_distill.evaluation.series_contenders import compared_config
from hf_distill.evaluation.size import download_bits
from hf_distill.files import write_atomically
from hf_distill.hub.artifact import DistilledDataset


class Comparison:
    """Measures sets beside each other; what has been measured by the same protocol is not measured again.

    Sets that take the same bits have the same baselines, which are measured with the first of them; all have the same
    full data, which are measured with the very first.

    Args:
        real: The data that all sets were made from.
        evaluator: How they are measured.
        state: The file that keeps what is finished; none if None.
        progress: Show progress bars.
    """

    def __init__(self, real: Data, evaluator: Evaluator, state: Path | None = None, progress: bool = True) -> None:
        self.real = real
        self.evaluator = copy.copy(evaluator)
        # Only the run folder of a set knows what it started from.
        own = [name for name in getattr(evaluator, "baselines", []) if name != "start"]
        self.evaluator.baselines = own  # type: ignore[attr-defined]
        self.progress = progress
        self._state = state
        self._known: dict[str, Any] = {}
        if state is not None and state.is_file():
            self._known = _read(state)

    def run(
        self, sets: Mapping[str, DistilledDataset], robust: bool = False, done: Callable[[str], object] = print
    ) -> list[dict[str, Any]]:
        """Return a row for each set, network and metric: those of ``evaluation.json`` and the scores of a ranking.

        Args:
            sets: The sets by the names that rows have under ``set``.
            robust: Train with and without augmentation too, for the augmentation-robust score.
            done: Called with the name of each set that is measured.
        """
        ways = {"": self.evaluator, **(self._augmented() if robust else {})}
        rows: list[dict[str, Any]] = []
        shared: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
        full: dict[str, list[dict[str, Any]]] = {}
        for name, own in sets.items():
            size = self._size(own)
            found = {}
            for way, evaluator in ways.items():
                if (way, *size) in shared:
                    evaluator = evaluator.alone()
                elif way in full:
                    evaluator = _without_full(evaluator)
                found[way] = self._measure(own, evaluator)
                with_baselines = shared.setdefault((way, *size), found[way])
                with_full = full.setdefault(way, found[way])
                found[way] = [
                    shared_row(row, *others) for row, *others in zip(found[way], with_baselines, with_full, strict=True)
                ]
            ranked = [scored(row, [found[way][place] for way in found if way]) for place, row in enumerate(found[""])]
            rows += [{"set": name, "method": method_of(own), **row} for row in ranked]
            done(name)
        return rows

    def _size(self, artifact: DistilledDataset) -> tuple[Any, ...]:
        """Return what the size of the baselines follows from: bits, and of a series also which config has them."""
        if artifact.spec.kind == "series":
            config = compared_config(artifact, getattr(self.evaluator, "size", "smaller"))
            return config, artifact.bits[config].total
        return (download_bits(artifact, getattr(self.evaluator, "labels", "hard") == "soft"),)

    def _augmented(self) -> dict[str, Evaluator]:
        """Return the protocol with augmentation and without, random samples beside it alone.

        Raises:
            UserError: The data have no usual augmentation, or the evaluator's recipe has none at all.
        """
        recipe: Any = getattr(self.evaluator, "recipe", None)
        if not hasattr(recipe, "augment"):
            raise UserError("the augmentation-robust score is of samples with labels: leave --robust out")
        augment = recipe.augment or default_augment(self.real.setup().spec)
        if augment is None:
            raise UserError(f"{self.real.spec.kind} inputs have no augmentation: leave --robust out")
        found = {}
        for way, each in (("augmented", augment), ("plain", None)):
            other = copy.copy(self.evaluator)
            other.recipe, other.baselines, other.full = copy.copy(recipe), ["random"], 0  # type: ignore[attr-defined]
            other.recipe.augment = each  # type: ignore[attr-defined]
            found[way] = other
        return found

    def _measure(self, artifact: DistilledDataset, evaluator: Evaluator) -> list[dict[str, Any]]:
        key = _key(artifact, self.real, evaluator)
        if key not in self._known:
            result = evaluator.evaluate(artifact, self.real, progress=self.progress)
            self._known[key] = {"protocol": result.protocol, "rows": result.rows}
            if self._state is not None:
                write_atomically(self._state, json.dumps(self._known, indent=1))
        rows: list[dict[str, Any]] = self._known[key]["rows"]
        return rows

    @property
    def protocol(self) -> dict[str, Any]:
        """How the sets were measured."""
        return next((known["protocol"] for known in self._known.values()), {})


def shared_row(row: Mapping[str, Any], sized: Mapping[str, Any], full: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row with the baselines of one that takes the same bits, and the full data of another one."""
    taken = {key: value for key, value in sized.items() if key == "baselines" or key.startswith("random_")}
    taken |= {key: value for key, value in full.items() if key.startswith("full_")}
    if "by_class" in row:
        classes = {name: own for name, own in full["by_class"].items() if name == "full"}
        taken["by_class"] = {**classes, **sized["by_class"], **row["by_class"]}
    return {**row, **taken}


def _without_full(evaluator: Evaluator) -> Evaluator:
    """Return the same protocol without networks of the full data."""
    other = copy.copy(evaluator)
    other.full = 0  # type: ignore[attr-defined]
    return other


def scored(row: Mapping[str, Any], ways: list[dict[str, Any]]) -> dict[str, Any]:
    """Return a row of accuracies with DD-Ranking's scores of it, as far as they are known; others as they are.

    Args:
        row: The row.
        ways: The same with augmentation and without, or nothing.
    """
    values = dict(row)
    mean, random, full = (row.get(name) for name in ("mean", "random_mean", "full_mean"))
    if row["metric"] != "accuracy" or mean is None or random is None:
        return values
    values["improvement_over_random"] = mean - random
    if full is not None and row.get("labels", "hard") == "hard":
        values["hard_label_recovery"] = full - mean
        values["label_robust_score"] = label_robust_score(
            hard_label_recovery=full - mean, improvement_over_random=mean - random
        )
    if ways:
        gains = [way["mean"] - way["random_mean"] for way in ways]
        values["augmentation_robust_score"] = augmentation_robust_score(augmented=gains[0], plain=gains[1])
    return values


def method_of(artifact: DistilledDataset) -> str:
    """Return what made a set: its method, and the objective or the selector of it."""
    method = artifact.config.get("method") or {}
    options = method.get("init_args") or {}
    part = options.get("objective") or options.get("selector")
    name = part.get("class_path") if isinstance(part, dict) else method.get("class_path")
    return str(name or "unnamed").rpartition(".")[2]


def check_source(sets: Mapping[str, DistilledDataset], named: bool = False) -> None:
    """Refuse sets of different sources, tasks or classes.

    Args:
        sets: By their names.
        named: The user names the source, which may have other names in records.

    Raises:
        UserError: Two differ; the message names both.
    """
    (first, one), *others = sets.items()
    for name, other in others:
        for what, own, its in zip(("source", "task", "shape", "classes"), _about(one), _about(other), strict=True):
            if own != its and not (named and what == "source"):
                raise UserError(
                    f"{first} and {name} are of different data ({what} {own} and {its}): compare sets of one source"
                )


def told_apart(sets: Mapping[str, DistilledDataset]) -> list[str]:
    """Return a line for each set whose source was made unlike that of the others: imbalanced, or poisoned.

    Args:
        sets: By their names.
    """
    made = {name: _changes(own) for name, own in sets.items()}
    if len(set(made.values())) < 2:
        return []
    return [f"{name} was made from {changes}, which others here were not" for name, changes in made.items() if changes]


def _changes(artifact: DistilledDataset) -> str:
    """Return what a set's record says was done to the rows of its source."""
    data = artifact.config.get("data") or {}
    options = data.get("init_args") or {}
    said = []
    if factor := artifact.spec.source.get("imbalance_factor"):
        said.append(f"a long tail (imbalance_factor={factor:g})")
    if poison := options.get("poison"):
        poison = poison.get("init_args") or {} if isinstance(poison, dict) else {}
        said.append(f"poisoned rows (share={poison.get('share', 'unknown')})")
    return " and ".join(said)


def _about(artifact: DistilledDataset) -> tuple[str, str, str, str]:
    spec = artifact.spec
    classes = getattr(spec, "classes", ()) or getattr(spec, "channels", ())
    source = str(spec.source.get("path") or "in memory").rstrip("/").rpartition("/")[2]
    return source, spec.task, str(getattr(spec, "shape", "")), f"{', '.join(classes[:3])}, ... ({len(classes)})"


def _key(artifact: DistilledDataset, real: Data, evaluator: Evaluator) -> str:
    """Return what tells a measurement from all others: the set's files, the data, their rows and the protocol."""
    rows = real.setup().spec.source.get("fingerprint")
    described = [artifact._files, real.config(), rows, evaluator.config(), evaluator._sketch]
    return hashlib.sha256(json.dumps(described, sort_keys=True).encode()).hexdigest()


def _read(state: Path) -> dict[str, Any]:
    try:
        known = json.loads(state.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UserError(f"{state} cannot be read: delete it, and all is measured again") from error
    return known if isinstance(known, dict) else {}
