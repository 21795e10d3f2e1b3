"""Evaluations of a set, side by side: none replaces one that was measured otherwise."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from hf_distill.errors import ArtifactError
from hf_distill.hub import record
from hf_distill.hub.card import write_texts
from hf_distill.hub.pictures import write_pictures
from hf_distill.hub.storage import replace_folder

if TYPE_CHECKING:
    from hf_distill.hub.artifact import DistilledDataset

_NUMBERS = ("network", "metric", "labels", "seeds", "sets", "full_networks", "full_steps")


def joined(new: dict[str, Any], known: Sequence[dict[str, Any] | None]) -> list[dict[str, Any]]:
    """Return a set's evaluations, the one that counts first: the newest by a whole protocol, and sketches last.

    Args:
        new: An evaluation; it takes the place of one that was measured alike.
        known: Those that there are, in this order.
    """
    others = [other for other in known if other is not None and _way(other) != _way(new)]
    return sorted([new, *others], key=_is_sketch)


def _is_sketch(evaluation: Mapping[str, Any]) -> bool:
    return bool((evaluation.get("protocol") or {}).get("sketch"))


def _way(evaluation: Mapping[str, Any]) -> str:
    """Return what tells how something was measured: two evaluations of which it is equal have the same numbers."""
    rows = [
        [*(row.get(name) for name in _NUMBERS), sorted(row.get("baselines") or {})]
        for row in evaluation.get("rows") or ()
    ]
    features = (evaluation.get("features") or {}).get("protocol")
    return json.dumps([evaluation.get("protocol"), rows, features], sort_keys=True)


def store_evaluation(made: DistilledDataset, new: dict[str, Any], pictures: Mapping[str, bytes], alone: bool) -> None:
    """Add an evaluation to a set, and to its folder where it has one; see ``DistilledDataset.add_evaluation``."""
    first, *others = joined(new, [] if alone else [made.evaluation, *made.other_evaluations])
    added = pictures if first is new else {name: made.pictures[name] for name in made.evaluation_pictures}
    kept = {name: data for name, data in made.pictures.items() if name not in made.evaluation_pictures}
    shown = {**kept, **added}
    values = {"pictures": list(shown), "evaluation_pictures": list(added), "evaluation": first}
    _rewrite(made, {**values, "other_evaluations": others}, shown)
    made.evaluation, made.other_evaluations = first, others
    made.pictures, made.evaluation_pictures = shown, list(added)


def store_audit(made: DistilledDataset, audit: dict[str, Any]) -> None:
    """Add what an audit found to a set, and to its folder where it has one; its card says it."""
    _rewrite(made, {"audit": audit}, made.pictures)
    made.audit = audit


def _rewrite(made: DistilledDataset, values: Mapping[str, Any], pictures: Mapping[str, bytes]) -> None:
    """Change values of the record of a saved set, its card and its pictures together."""
    if made.folder is None:
        return
    on_disk = record.read_record(made.folder)
    if on_disk["files"] != made._files:
        raise ArtifactError(f"{made.folder} holds another set since this one was read: measure it again")
    changed = (record.CARD, record.RECORD, record.EVALUATION, record.PICTURES, record.DECODER)
    with replace_folder(made.folder, keep=lambda name: name not in changed, last=record.RECORD) as stage:
        write_pictures(stage, pictures)
        write_texts(stage, {**on_disk, **values})
