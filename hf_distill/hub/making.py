"""What the samples of a set are: real ones that were chosen, generated ones, or learned ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hf_distill.markdown import Markdown, cell, code

_CHOSEN_BY = {
    "RandomSelector": "at random",
    "HerdingSelector": "by herding",
    "KMeansSelector": "by k-means",
    "HierarchicalSelector": "by hierarchical clustering",
    "CellSelector": "by cells of similar samples",
    "ClusterSelector": "by clustering",
    "KMeansSensitivitySelector": "by their sensitivity for k-means",
    "LeverageSelector": "by ridge leverage scores",
    "KCenterSelector": "by k-center",
    "FacilityLocationSelector": "by facility location",
}


@dataclass(frozen=True)
class Made:
    """Words of a card.

    Attributes:
        kind: ``real``, ``synthetic`` or ``generated``, before the noun.
        how: How they were chosen, after it; Markdown.
        real: They are rows of the source.
        imported: Another library made them.
    """

    kind: str
    how: str = ""
    real: bool = False
    imported: bool = False


def made_of(record: Mapping[str, Any]) -> Made:
    """Return what a record says of how its samples came to be."""
    method = record["config"].get("method") or {}
    name = _name(method)
    if name == "Relabeled":
        return made_of({"config": {"method": (method.get("init_args") or {}).get("method")}})
    if name == "GuidedDiffusion":
        return Made("generated")
    if name == "Undistilled" and _name((method.get("init_args") or {}).get("initial")) == "CutSamples":
        return Made("real", Markdown(", cut and put together as a teacher is surest of them,"), real=True)
    if name == "Imported":
        file, about = (method.get("init_args") or {}).get("path"), record["timing"]
        scale = f", its numbers as {code(str(about['normalization']))}" if "normalization" in about else ""
        read = f"{code(str(file))} ({cell(str(about.get('layout')))}{scale})"
        return Made("synthetic", Markdown(f", imported from {read},"), imported=True)
    if name != "Coreset":
        return Made("synthetic")
    selector = (method.get("init_args") or {}).get("selector")
    chosen = selector.get("class_path") if isinstance(selector, dict) else selector
    known = str(chosen or "RandomSelector").rpartition(".")[2]
    return Made("real", Markdown(f", chosen {_CHOSEN_BY.get(known, f'by {cell(known)}')},"), real=True)


def _name(described: object) -> str:
    """Return the name of the class that a description is of, if it is one."""
    return str(described.get("class_path", "")).rpartition(".")[2] if isinstance(described, Mapping) else ""
