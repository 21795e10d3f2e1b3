"""Reading what is measured: the published files, and whether the real data belongs to them."""

from __future__ import annotations

import math
import warnings
from pathlib import Path
from typing import Any

import torch

from hf_distill.data.spec import DataSpec
from hf_distill.errors import UserError
from hf_distill.hub.artifact import DistilledDataset
from hf_distill.learners.rate import RATES
from hf_distill.training.optimizers import SGD, Adam, AdamW, Optimizer


def read_published(artifact: str | Path | DistilledDataset) -> DistilledDataset:
    """Read an artifact from its files, also where it is given as an object."""
    if not isinstance(artifact, DistilledDataset):
        return DistilledDataset.from_pretrained(artifact)
    if artifact.folder is not None:
        return DistilledDataset.from_pretrained(artifact.folder)
    return artifact.published()


def learned_rate(distilled: DistilledDataset, optimizer: Optimizer) -> float:
    """Return the learning rate that was learned with a set.

    Args:
        distilled: The set.
        optimizer: What networks are trained by.

    Raises:
        UserError: It brings none, or that of another optimizer.
    """
    names = {SGD: RATES["sgd"], Adam: RATES["adam"], AdamW: RATES["adam"]}
    found = {name: rate for name in RATES.values() if (rate := _rate(distilled.recipe.get(name))) is not None}
    if not found:
        raise UserError("this set brings no learning rate that was learned with it: set evaluator.learned_rate=false")
    wanted = names.get(type(optimizer))
    if wanted not in found:
        brought = " or ".join(known.__name__ for known, name in names.items() if name in found)
        raise UserError(
            f"the learning rate that was learned with this set is one of {brought}, and evaluator.recipe.optimizer is "
            f"{type(optimizer).__name__}: set it to {brought}, or evaluator.learned_rate=false"
        )
    return found[wanted]


def _rate(value: Any) -> float | None:
    return value if isinstance(value, float) and 0 < value < math.inf else None


def check_match(distilled: DataSpec, real: DataSpec) -> None:
    """Refuse data that the set was not made from, and what is no classification."""
    for what, spec in (("the distilled set", distilled), ("the real data", real)):
        if spec.target == "future":
            raise UserError(
                f"{what} is made for {spec.task} and ClassificationEvaluator measures samples: choose "
                "ForecastingEvaluator"
            )
    if distilled.shape != real.shape:
        raise UserError(
            f"the distilled set holds inputs of shape {distilled.shape} and the real data of shape {real.shape}; "
            "evaluate on the data that it was made from"
        )
    if distilled.target != real.target or distilled.label_columns != real.label_columns:
        raise UserError(
            f"the distilled set has the {distilled.target} {', '.join(distilled.label_columns)} and the real data the "
            f"{real.target} {', '.join(real.label_columns)}; evaluate on the data that it was made from"
        )
    for key in ("mean", "std"):
        ours, theirs = (torch.tensor(spec.target_about.get(key, ()), dtype=torch.float64) for spec in (distilled, real))
        if not torch.allclose(ours, theirs, rtol=1e-4, atol=1e-6):
            raise UserError(
                "mean and deviation of the real training rows' values are not those that the distilled set was made "
                "with; evaluate on the data that it was made from"
            )
    if distilled.form.numbering(distilled) != real.form.numbering(real):
        raise UserError(
            "the real training rows have other words or categories than those that the distilled set was made from; "
            "evaluate on the data, and the split, that it was made from"
        )
    if distilled.classes != real.classes:
        raise UserError(
            f"the distilled set has the classes {', '.join(distilled.classes[:5])}, ... ({distilled.num_classes}) and "
            f"the real data {', '.join(real.classes[:5])}, ... ({real.num_classes}); "
            "evaluate on the data that it was made from"
        )
    if distilled.num_rows and real.num_rows and distilled.num_rows != real.num_rows:
        warnings.warn(
            f"the distilled set was made from {distilled.num_rows:,} training rows, and there are {real.num_rows:,} "
            "here: rows that it is tested on may be among those that it was made from",
            stacklevel=2,
        )
