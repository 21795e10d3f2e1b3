"""Backdoors: a search for marks that networks of a set answer to, and what a known poison came to."""

from __future__ import annotations

import statistics
from typing import Any

import torch
from torch import Tensor

from hf_distill.audit.inversion import smallest_marks
from hf_distill.audit.trained import Trained
from hf_distill.data.poison import Poison
from hf_distill.data.splits import Split


def search_backdoor(
    trained: Trained, split: Split, steps: int, above: float, generator: torch.Generator
) -> dict[str, Any]:
    """Return which classes networks of a set take rows for by a mark that is suspiciously small.

    Some classes are reached by smaller marks than others in every network, so that the same is asked of a network of
    all rows. What counts is by how much the mark is smaller, in powers of two, and how much more so than that of the
    median class.

    Args:
        trained: The networks.
        split: Real rows to mark.
        steps: Of the search.
        above: A class is suspected from this anomaly on.
        generator: Of starts and rows of the search.

    Returns:
        JSON: ``classes`` with ``mark`` and ``reference``, their sizes in pixels, and ``anomaly``; ``suspected``, the
        number of classes, and ``unmarked``, that of the classes for which no mark was found in either network.
    """
    spec = trained.artifact.spec
    batch = split.batch(torch.arange(len(split))).to(trained.device)
    state = generator.get_state()
    sizes: list[Tensor] = []
    unmarked = torch.ones(spec.num_classes, dtype=torch.bool)
    for networks in trained.groups.values():
        generator.set_state(state)
        found = smallest_marks(networks, batch.x, batch.y, spec, steps, generator).sizes.cpu()
        unmarked &= found.isinf()
        sizes.append(found.clamp(max=float(spec.shape[-1] * spec.shape[-2])))
    smaller = (sizes[1] / sizes[0].clamp_min(1e-6)).log2()
    anomalies = smaller - smaller.median()
    rows = [
        {"class": name, "mark": float(own), "reference": float(other), "anomaly": float(anomaly)}
        for name, own, other, anomaly in zip(spec.classes, *sizes, anomalies, strict=True)
    ]
    suspected = int((anomalies > above).sum())
    return {"above": above, "suspected": suspected, "unmarked": int(unmarked.sum()), "classes": rows}


def planted(trained: Trained, poison: Poison, test: Split) -> list[dict[str, Any]]:
    """Return what networks do with the trigger of a known poison: those of the set, and those of all rows.

    Args:
        trained: The networks.
        poison: The poison.
        test: Test rows.

    Returns:
        For each group ``accuracy``, and ``attack_success``: the share of the triggered rows of other classes than the
        target that are taken for it.
    """
    marked = poison.triggered(test)
    goal = torch.full((len(marked),), poison.label(test.spec))
    return [
        {
            "trained_on": name,
            "networks": len(networks),
            "accuracy": _share(trained.outputs(name, test), test.labels),
            "attack_success": _share(trained.outputs(name, marked), goal),
        }
        for name, networks in trained.groups.items()
    ]


def _share(outputs: list[Tensor], labels: Tensor) -> float:
    return statistics.fmean(float((logits.argmax(1) == labels).float().mean()) for logits in outputs)
