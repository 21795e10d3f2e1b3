"""What an evaluation says of how it was measured."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch

from hf_distill.data.real import RealData
from hf_distill.evaluation.teaching import SAME_LABELS
from hf_distill.networks.base import Architecture

if TYPE_CHECKING:
    from hf_distill.evaluation.classification import ClassificationEvaluator


def protocol(
    evaluator: ClassificationEvaluator, networks: Sequence[Architecture], real: RealData, samples: int
) -> dict[str, Any]:
    """Return the protocol of an evaluation, JSON.

    Args:
        evaluator: What measures.
        networks: The architectures.
        real: The data.
        samples: Of the distilled set.
    """
    recipe = evaluator.recipe.suited(real.spec)
    chosen = (
        type(evaluator.features).__name__ if evaluator.features else f"the first {networks[0].label} of the full data"
    )
    return {
        "reads": "config default of the published files",
        "reported": "last epoch",
        "std": "sample standard deviation over the seeds, networks that are trained on one set",
        "bits": "what a reader downloads to train: the smaller config, labels included",
        "random": "real samples of equal size in bits, a fresh draw for each seed",
        "class_mean": "one sample a class",
        **({SAME_LABELS: "as many random real samples with labels of the same kind"} if evaluator.teacher else {}),
        "start": "the method's own initial samples, stored as the set is",
        "kmeans, herding": "as many real samples of each class as fit into these bits, chosen in the features of "
        f"{chosen}; kmeans_pixels by their pixels",
        "samples": samples,
        "test_rows": len(real.test),
        "test_split": real.spec.source.get("test_split"),
        "networks": [network.config() for network in networks],
        "recipe": recipe.config() | {"epochs": recipe.total_epochs},
        "learned_rate": evaluator.learned_rate,
        **({} if evaluator.whitening is None else {"whitening": evaluator.whitening, "reads": "config codes"}),
        **({} if evaluator.robustness is None else {"robustness": evaluator.robustness.config()}),
        "tuning": None if evaluator.tuning is None else evaluator.tuning.config(),
        "full_steps": evaluator.full_steps if evaluator.full else None,
        "seed": evaluator.seed,
        "torch": torch.__version__,
        **({"sketch": True} if evaluator._sketch else {}),
    }
